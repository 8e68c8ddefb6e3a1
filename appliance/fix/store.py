"""Is the FIX session's store the one that we left? A store that is lost or older is never replaced by itself.

Numbers that begin anew hide what the other side has sent meanwhile: a person must agree with the LP first.
"""

import re
from pathlib import Path

from appliance.fix.config import SessionSection
from appliance.fix.records import Session

_NUMBERS = re.compile(r"\s*(\d{1,20})\s*:\s*(\d{1,20})\s*")
TOO_LOW = re.compile(r"(seq\w*|number)\W.*(too low|too small|lower than|less than)", re.IGNORECASE)


class StoreLost(Exception):
    """The session may not be opened; one line that says why."""


def read_marks(directory: Path, session: SessionSection) -> Session | None:
    """What the store's files say; None when there are none. StoreLost: they are incomplete or damaged."""
    stem = f"FIX.4.4-{session.sender}-{session.target}"
    numbers, created = directory / f"{stem}.seqnums", directory / f"{stem}.session"
    if not numbers.exists() and not created.exists():
        return None
    try:
        match = _NUMBERS.fullmatch(numbers.read_text("ascii"))
        began = created.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        match, began = None, ""
    if match is None or not began:
        raise StoreLost(f"{numbers}: the session store is damaged; agree on the numbers with the LP")
    return Session(created=began, sender=int(match[1]), target=int(match[2]))


def check_store(directory: Path, session: SessionSection, left: Session | None) -> None:
    """Compare the store with what the journal remembers of it. StoreLost when it is not the one we left."""
    found = read_marks(directory, session)
    if left is None:
        return
    if found is None:
        raise StoreLost(f"{directory}: the session store is lost; agree on the numbers with the LP")
    if found.created != left.created:
        if session.schedule is None:
            raise StoreLost(f"{directory}: the session store was made anew; agree on the numbers with the LP")
        return
    if found.sender < left.sender or found.target < left.target:
        raise StoreLost(
            f"{directory}: the session store is older than the journal (sent {found.sender}, expected "
            f"{left.sender} or more; received {found.target}, expected {left.target} or more)"
        )
