"""Decimals between their two forms: an integer of 10**exponent units, and the shortest exact text ("1.1",
"-3").
"""

import re

_FORM = re.compile(r"(-?)([0-9]{1,40})(?:\.([0-9]{1,40}))?", re.ASCII)


def to_text(mantissa: int, exponent: int) -> str:
    """The shortest exact text of mantissa * 10**exponent, with exponent from -18 to 0; never an E, never
    "-0".
    """
    if not exponent:
        return str(mantissa)
    digits = str(abs(mantissa)).zfill(1 - exponent)
    fraction = digits[exponent:].rstrip("0")
    whole = digits[:exponent]
    sign = "-" if mantissa < 0 else ""
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def from_text(text: str, exponent: int) -> int:
    """The integer of 10**exponent units that the text is exactly; ValueError, whose text says what is
    wanted, if none.

    Digits after the smallest unit may only be zeros: nothing is rounded.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError('must be a decimal such as "1.25"')
    sign, whole, fraction = match.group(1), match.group(2), match.group(3) or ""
    places = -exponent
    if fraction[places:].strip("0"):
        raise ValueError(f"must have at most {places} decimal places")
    magnitude = int(whole + fraction[:places].ljust(places, "0"))
    return -magnitude if sign else magnitude
