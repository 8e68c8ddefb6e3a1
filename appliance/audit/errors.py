"""What can go wrong with a log, as one exception: its text is the sentence that the user reads."""


class AuditError(Exception):
    """A log, key or note that cannot be used as asked; the text says what, where, what was expected."""


class Damaged(AuditError):
    """Part of the log is wrong or missing: bad news (exit status 1), not bad usage."""
