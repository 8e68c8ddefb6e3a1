"""Names of an instance's objects in shared memory (docs/developer.md)."""

import re

from appliance.memory.errors import InstanceError

_NAME = re.compile(r"[A-Za-z0-9_-]{1,31}")


def check_name(name: str, what: str) -> str:
    """The name, or InstanceError. Without dots, so that one instance's prefix is never another's."""
    if not _NAME.fullmatch(name):
        raise InstanceError(f"{what} {name!r}: a name is 1 to 31 characters of A-Z a-z 0-9 _ -")
    return name


def prefix(instance: str) -> str:
    return f"/mam.{check_name(instance, 'instance')}."


def directory_name(instance: str) -> str:
    return prefix(instance) + "directory"


def counters_name(instance: str) -> str:
    return prefix(instance) + "counters"


def journal_name(instance: str) -> str:
    return prefix(instance) + "journal"


def in_name(instance: str, bridge: str) -> str:
    return f"{prefix(instance)}in.{check_name(bridge, 'bridge')}"


def out_name(instance: str, bridge: str) -> str:
    return f"{prefix(instance)}out.{check_name(bridge, 'bridge')}"
