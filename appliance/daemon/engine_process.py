"""The engine's process: attaches the instance's regions and makes one C call, which is the loop.

Started by the daemon as `python -m appliance.daemon.engine_process`, its settings as JSON on standard input.
The garbage collector is frozen and the core is pinned before the call; the call touches no Python object.
"""

import ctypes
import gc
import os
import signal
import sys
import threading
import time
from typing import Any

import msgspec
import psutil

from appliance import __version__
from appliance._native import ffi, lib
from appliance.audit.errors import AuditError
from appliance.daemon.config import BridgeSection, Config, capacities_of
from appliance.daemon.rebuild import ROLES, Refused, rebuild
from appliance.memory import (
    Counters,
    Directory,
    Region,
    counters_name,
    directory_name,
    in_name,
    journal_name,
    out_name,
)

IDLE = {"spin": lib.MAM_IDLE_SPIN, "yield": lib.MAM_IDLE_YIELD, "backoff": lib.MAM_IDLE_BACKOFF}
DURABILITY = {"async": lib.MAM_DURABILITY_ASYNC, "commit": lib.MAM_DURABILITY_COMMIT}
COUNTER_TYPE = 100  # of the loop's first counter; the next ones follow
BRIDGE_COUNTER_TYPE = 300  # the same of a bridge's; their key is the bridge's name
READY = "running"
ENTRY_BYTES = 160  # of a usual journal entry in the ring


class Start(msgspec.Struct, kw_only=True):
    """What the daemon tells the process."""

    config: Config
    generation: int
    first_counter: int
    first_bridge_counter: int
    durable_counter: int
    no_room_counter: int
    clock_counter: int
    """Error bound; the next one counts the jumps, the one after that has the last."""


def counter_labels() -> list[str]:
    """Labels of the loop's counters, in their order."""
    labels: list[str] = []
    while (label := lib.mam_loop_counter_label(len(labels))) != ffi.NULL:
        labels.append(ffi.string(label).decode())
    return labels


def bridge_counter_labels() -> list[str]:
    """Labels of each bridge's counters, in their order."""
    count = lib.MAM_LOOP_BRIDGE_COUNTERS
    return [ffi.string(lib.mam_loop_bridge_counter_label(at)).decode() for at in range(count)]


def _rings(config: Config, bridge: BridgeSection, regions: list[Region]) -> Any:
    """struct mam_loop_bridge *: the bridge's rings, mapped."""
    inward = Region.attach(in_name(config.instance, bridge.name))
    outward = Region.attach(out_name(config.instance, bridge.name))
    regions += [inward, outward]
    return ffi.new(
        "struct mam_loop_bridge *",
        {
            "name": bridge.name.encode(),
            "role": ROLES[bridge.role],
            "in": ffi.cast("void *", inward.address),
            "in_length": inward.size,
            "out": ffi.cast("void *", outward.address),
            "out_length": outward.size,
        },
    )


def _attach(config: Config, regions: list[Region]) -> dict[str, Any]:
    def attach(name: str) -> Region:
        regions.append(Region.attach(name))
        return regions[-1]

    bridges = [_rings(config, bridge, regions)[0] for bridge in config.bridges]
    journal = attach(journal_name(config.instance))
    directory = attach(directory_name(config.instance))
    return {
        "bridges": bridges,
        "bridge_count": len(bridges),
        "journal": ffi.cast("void *", journal.address),
        "journal_length": journal.size,
        "directory": ffi.cast("void *", Directory(directory).pointer),
    }


def _die_with_parent() -> None:
    """SIGTERM when the daemon dies, however it dies (PR_SET_PDEATHSIG, 1)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Renew(msgspec.Struct, kw_only=True):
    """What the daemon tells later: a bridge has new rings."""

    bridge: int
    """Its number, from 1."""
    generation: int


def _listen(loop: Any, config: Config, regions: list[Region]) -> None:
    """A thread of its own: maps what the daemon has made anew, and offers it to the loop."""
    for line in sys.stdin.buffer:
        news = msgspec.json.decode(line, type=Renew)
        rings = _rings(config, config.bridges[news.bridge - 1], regions)
        while lib.mam_loop_renew(loop, news.bridge, rings, news.generation) != 0:
            time.sleep(0.001)


def main() -> int:
    """Run until SIGTERM; 1 with one line when it cannot start."""
    _die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the daemon decides
    start = msgspec.json.decode(sys.stdin.buffer.readline(), type=Start)
    config = start.config
    regions: list[Region] = []
    attached = _attach(config, regions)
    counters_region = Region.attach(counters_name(config.instance))
    counters = Counters(counters_region)
    c_config = ffi.new(
        "struct mam_loop_config *",
        {
            "limits": capacities_of(config).to_c()[0],
            "idle": IDLE[config.engine.idle],
            "durability": DURABILITY[config.engine.durability],
            "generation": start.generation,
            "stuck_after_ns": config.engine.stuck_after_ms * 1_000_000,
            "gap_limit": config.engine.gap_limit or attached["journal_length"] // (2 * ENTRY_BYTES),
            "clock_error": counters.at(start.clock_counter),
            "clock_steps": counters.at(start.clock_counter + 1),
            "clock_step": counters.at(start.clock_counter + 2),
            "build": __version__.encode()[:8],
            "counters": counters.at(start.first_counter),
            "bridge_counters": counters.at(start.first_bridge_counter),
            "durable": counters.at(start.durable_counter),
            "no_room": counters.at(start.no_room_counter),
            **attached,
        },
    )
    size = lib.mam_loop_size(c_config)
    memory = ffi.new("uint8_t[]", size + 64) if size else None
    error = ffi.new("char[200]")
    aligned = ffi.cast("void *", (int(ffi.cast("uintptr_t", memory)) + 63) & ~63) if size else ffi.NULL
    loop = lib.mam_loop_create(aligned, c_config, error)
    if loop == ffi.NULL:
        print(f"engine: {ffi.string(error).decode()}", file=sys.stderr)
        return 1
    try:
        rebuild(loop, c_config, config)
    except (AuditError, Refused) as problem:
        print(f"engine: {problem}", file=sys.stderr)
        return 1
    threading.Thread(target=_listen, args=(loop, config, regions), daemon=True).start()
    if config.engine.cpu is not None:
        psutil.Process().cpu_affinity([config.engine.cpu])
    gc.collect()
    gc.freeze()
    gc.disable()
    print(READY, flush=True)
    lib.mam_loop_run(loop)
    return 0


if __name__ == "__main__":
    sys.stdin.reconfigure(errors="strict")  # type: ignore[union-attr]
    status = main()
    sys.stdout.flush()
    os._exit(status)  # the regions stay mapped to the last moment: nothing may touch them while they go
