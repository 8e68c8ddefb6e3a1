"""Shared memory: regions, rings, counters, the instance's directory, and a bridge's way to them.

The daemon creates an `Instance`; vendors attach a `Bridge`; anyone may `read_counters`. Layouts are those of
native/include/mam/{ring,counters,directory}.h, and the same C functions do the work.
"""

from appliance.memory.bridge import Bridge
from appliance.memory.counters import Counter, Counters, read_counters
from appliance.memory.directory import BridgeSpec, Directory, Role, State
from appliance.memory.errors import InstanceError, MemoryLayoutError
from appliance.memory.in_order import InOrder
from appliance.memory.instance import Instance, leftovers
from appliance.memory.names import counters_name, directory_name, in_name, journal_name, out_name
from appliance.memory.region import Region
from appliance.memory.ring import Ring

__all__ = [
    "Bridge",
    "BridgeSpec",
    "Counter",
    "Counters",
    "Directory",
    "InOrder",
    "Instance",
    "InstanceError",
    "MemoryLayoutError",
    "Region",
    "Ring",
    "Role",
    "State",
    "counters_name",
    "directory_name",
    "in_name",
    "journal_name",
    "leftovers",
    "out_name",
    "read_counters",
]
