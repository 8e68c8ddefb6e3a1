"""The one exception that means: your input is at fault."""


class InputError(Exception):
    """Bad input or usage. The text is one line: what, where, and what was expected. Exit status 2."""
