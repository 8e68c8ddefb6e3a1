"""How `mam audit prune` asks a running writer to log what will be deleted."""

import json
from typing import Any, Final

from appliance.audit.errors import AuditError

REQUEST: Final = "prune"
"""A file of this name in the log's directory; the writer removes it when the record is signed."""
_NAMES: Final = {"first_leaf", "root", "operator", "export", "witnesses"}


def parse(data: bytes) -> dict[str, Any]:
    """The fields of the record `pruned`; AuditError when it is no such request."""
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict) or set(fields) != _NAMES or not isinstance(fields["first_leaf"], int):
        raise AuditError(f"{REQUEST}: not a request of mam audit prune")
    return fields
