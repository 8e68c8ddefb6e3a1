"""Our units and those of a liquidity provider: lots of 1e-8 here, units of the instrument there. Exact."""

from appliance.fix.wire import FixError
from appliance.schema import decimals

LOT = 10**8  # volume, price and contract size are all in units of 1e-8
VOLUME_MAX = 2**62
PRICE_MAX = 2**62


def quantity(volume: int, contract_size: int) -> str:
    """OrderQty of a volume (1e-8 lot); FixError when it is not a whole number of 1e-8 units.

    >>> quantity(125_000_000, 100_000 * LOT)
    '125000'
    """
    product = volume * contract_size
    if product % LOT:
        raise FixError(f"a volume of {decimals.to_text(volume, -8)} lots is not an exact quantity")
    return decimals.to_text(product // LOT, -8)


def volume(units: int, contract_size: int) -> int:
    """Volume in 1e-8 lot of a quantity in 1e-8 units; FixError when it is not exact or out of range."""
    product = units * LOT
    if product % contract_size:
        raise FixError(f"a quantity of {decimals.to_text(units, -8)} units is no multiple of 1e-8 lot")
    result = product // contract_size
    if not 0 <= result <= VOLUME_MAX:
        raise FixError(f"a quantity of {decimals.to_text(units, -8)} units is out of range")
    return result


def size(units: int, contract_size: int) -> int:
    """The same of a quoted size, rounded down: nobody relies on its last digit."""
    return max(0, min(units * LOT // contract_size, VOLUME_MAX))
