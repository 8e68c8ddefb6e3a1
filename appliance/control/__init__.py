"""What control tells the engine that is worked out here: today, time zones."""

from appliance.control.zones import time_zone

__all__ = ["time_zone"]
