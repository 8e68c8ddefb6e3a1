"""`mam audit export DIR OUT`: the log in the layout of C2SP tlog-tiles."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from appliance.audit.directory import check
from appliance.audit.export import export
from appliance.audit.progress import Bar


def add_parser(commands: Any) -> None:
    """Add the subcommand of `mam audit`."""
    parser = commands.add_parser(
        "export",
        help="lay the log out as C2SP tlog-tiles",
        description="Writes what the newest checkpoint covers as tiles, entry bundles and the checkpoint, "
        "which other tools verify. Into a folder that holds an earlier export only what is new is written. "
        "Exit status: 0 done; 1 the log is damaged; 2 not a log, or OUT holds another.",
    )
    parser.add_argument("dir", type=Path, metavar="DIR", help="the log's directory; it may be in use")
    parser.add_argument("out", type=Path, metavar="OUT", help="where the tiles go")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Export, and say what was written."""
    check(options.dir)
    bar = Bar(quiet=options.json)
    result = export(options.dir, options.out, bar)
    bar.end()
    if options.json:
        print(json.dumps(asdict(result), indent=1))
    else:
        new = result.size - result.since
        print(
            f"{options.out}: {result.size:,} records of {result.origin}, {new:,} of them new; "
            f"{result.tiles:,} tiles and {result.bundles:,} bundles written"
        )
    return 0
