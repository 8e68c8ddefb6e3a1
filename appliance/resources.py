"""The files that ship beside the code: in a wheel inside the package, in a checkout under native/."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent / "native"


def include_directory() -> Path:
    """The folder to give a C compiler with -I: it holds mam/*.h."""
    return _first(_CHECKOUT / "include", _PACKAGE / "include")


def schema_file() -> Path:
    """The SBE schema of all messages."""
    return _first(_CHECKOUT / "schema" / "mam.xml", _PACKAGE / "schema" / "mam.xml")


def _first(*places: Path) -> Path:
    for place in places:
        if place.exists():
            return place
    raise FileNotFoundError(f"this installation is incomplete: {places[-1]} is missing")
