"""`mam run --config FILE`: the daemon, until SIGTERM or Ctrl-C."""

import argparse
import sys
from typing import Any

from appliance.daemon import read_config
from appliance.daemon.supervisor import AlreadySaid, DaemonError
from appliance.daemon.supervisor import run as run_daemon


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("run", help="the daemon")
    parser.add_argument("--config", required=True, metavar="FILE", help="TOML (docs/operator.md)")
    parser.add_argument(
        "--new-run", action="store_true", help="begin with an empty state, whatever the log's last run was"
    )
    parser.add_argument("--check", action="store_true", help="only check the file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run until told to end."""
    config = read_config(options.config)
    if options.check:
        print(f"{options.config}: good; instance {config.instance}, {len(config.bridges)} bridges")
        return 0
    if options.new_run:
        config.engine.restart = "new"
    try:
        return run_daemon(config)
    except AlreadySaid:
        return 2
    except DaemonError as error:
        print(f"mam run: {error}", file=sys.stderr)
        return 1
