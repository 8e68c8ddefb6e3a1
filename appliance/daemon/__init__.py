"""The daemon: configuration, regions, the engine's and the audit writer's processes."""

from appliance.daemon.config import Config, read_config

__all__ = ["Config", "read_config"]
