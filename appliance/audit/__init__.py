"""The audit log: written by a process of its own, signed, and verified by anyone with the public key (docs/audit.md)."""

from appliance.audit.checkpoint import Checkpoint
from appliance.audit.errors import AuditError
from appliance.audit.reader import Entry, read_entries
from appliance.audit.verify import Report, verify

__all__ = ["AuditError", "Checkpoint", "Entry", "Report", "read_entries", "verify"]
