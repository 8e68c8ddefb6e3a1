"""The engine for offline hosts: the same C function that the daemon's loop calls."""

from appliance.engine.offline import Capacities, Engine, Output

__all__ = ["Capacities", "Engine", "Output"]
