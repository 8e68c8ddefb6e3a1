"""The `mam` command: one file a subcommand."""

from appliance.cli.main import main

__all__ = ["main"]
