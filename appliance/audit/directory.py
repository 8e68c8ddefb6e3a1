"""Is what the user names a log? Each answer but yes has its own sentence."""

import os
from pathlib import Path

from appliance.audit import checkpoint, segments
from appliance.audit.archive import is_archive
from appliance.audit.errors import AuditError, Damaged
from appliance.audit.log import is_being_written


def check(directory: Path, archive: bool = False) -> None:
    """AuditError unless it is a log, or with `archive` an export; Damaged: half of one. Reads no record."""
    try:
        names = os.listdir(directory)
        if segments.FOLDER in names:
            os.listdir(directory / segments.FOLDER)
    except FileNotFoundError:
        raise AuditError(f"{directory}: does not exist") from None
    except NotADirectoryError as error:
        raise AuditError(f"{error.filename}: is not a directory") from None
    except OSError as error:
        raise AuditError(f"{error.filename}: cannot be read: {error.strerror}") from None
    if is_archive(directory):
        if not archive:
            raise AuditError(
                f"{directory}: is an export, not a log; verify, explain, query and prove read it"
            )
        return
    signed = checkpoint.FILE in names
    if not segments.paths(directory):
        if signed:
            raise Damaged(f"{directory}: has a checkpoint but no segments; it is only part of a log")
        raise AuditError(f"{directory}: holds no log")
    if not signed and not is_being_written(directory):
        raise Damaged(f"{directory / checkpoint.FILE}: does not exist; part of the log is missing")
