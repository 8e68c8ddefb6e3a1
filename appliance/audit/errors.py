"""What can go wrong with a log, as one exception: its text is the sentence that the user reads."""


class AuditError(Exception):
    """A log, a key or a note that cannot be used as asked; the text says what, where and what was expected."""
