"""The `mam` command: one file a subcommand."""

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run the command; its exit status. Ctrl-C is quiet from here on, also while modules are loaded."""
    try:
        from appliance.cli.commands import run

        return run(arguments)
    except KeyboardInterrupt:
        return 130
