"""The audit log: written by its own process, signed, verified by anyone with its public key."""

from appliance.audit.checkpoint import Checkpoint
from appliance.audit.errors import AuditError
from appliance.audit.reader import Entry, read_entries
from appliance.audit.report import Report
from appliance.audit.verify import verify

__all__ = ["AuditError", "Checkpoint", "Entry", "Report", "read_entries", "verify"]
