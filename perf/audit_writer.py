"""How many journal records a second are hashed, signed and on disk; beside plain Python doing the same.

    python perf/audit_writer.py [--records 500000] [--rounds 5] [--dir DIR] [--json] [--record]

    ring in memory (filled beforehand) -> writer -> segments, tree, fdatasync, Ed25519 -> DIR

Records carry 64 bytes. All in one run, in turn: our writer; hashlib, crc32 and a file of plain Python
with the same groups, syncs and signatures; the disk alone (same bytes and syncs). Then verification of our
log, whole, on one core and on all. Target: a million records a second written or what the disk takes, two
million verified per core; exit status 1 when missed. DIR should lie on the disk that counts; a tmpfs measures
no disk.
"""

import argparse
import hashlib
import os
import statistics
import struct
import sys
import tempfile
import time
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any

from appliance._native import ffi, lib
from engine_host import machine, report

from appliance.audit import segments, verify
from appliance.audit.counters import WriterCounters
from appliance.audit.log import Log
from appliance.audit.note import Signer
from appliance.audit.writer import Stop, Writer, WriterConfig

ENTRY = struct.Struct("<QqHBBI64s")
GROUP = 1 << 20
CAPACITY = 1 << 26
SIGNER = Signer("example.com/perf", bytes(32))


def entries(first: int, count: int) -> list[bytes]:
    return [ENTRY.pack(first + n, 1, 1, 2, 1, 64, b"%064d" % n) for n in range(count)]


class OurWriter:
    """One log over all rounds, as in a long run."""

    def __init__(self, directory: Path) -> None:
        self.log = Log(directory, SIGNER)
        length = CAPACITY + lib.MAM_RING_TRAILER
        self.memory = ffi.new("uint8_t[]", length)
        self.ring = ffi.new("struct mam_ring *")
        lib.mam_ring_attach(self.ring, self.memory, length)
        config = WriterConfig("perf", directory, Path())
        self.writer = Writer(self.log, self.memory, length, WriterCounters(None), config)

    def run(self, count: int) -> float:
        for entry in entries(self.log.sequence, count):
            assert lib.mam_ring_write(self.ring, 1, entry, len(entry)) == 0
        stop = Stop(None)
        stop.reason = "the round is over"
        started = time.perf_counter()
        self.writer.run(stop)
        return time.perf_counter() - started


class PlainPython:
    """hashlib, zlib, a list for the frontier; synced and signed once a group, as ours is."""

    def __init__(self, path: Path) -> None:
        self.file = os.open(path, os.O_RDWR | os.O_CREAT)
        self.stack: list[tuple[int, bytes]] = []
        self.leaves = 0

    def run(self, count: int) -> float:
        journal = entries(self.leaves, count)
        started = time.perf_counter()
        group = bytearray()
        for entry in journal:
            group += struct.pack("<IIQ", len(entry), zlib.crc32(entry), self.leaves) + entry
            self.append(hashlib.sha256(b"\0" + entry).digest())
            if len(group) >= GROUP:
                self.sync(group)
        self.sync(group)
        return time.perf_counter() - started

    def append(self, node: bytes) -> None:
        height = 0
        while self.stack and self.stack[-1][0] == height:
            node = hashlib.sha256(b"\1" + self.stack.pop()[1] + node).digest()
            height += 1
        self.stack.append((height, node))
        self.leaves += 1

    def sync(self, group: bytearray) -> None:
        os.write(self.file, group)
        os.fdatasync(self.file)
        SIGNER.sign(f"perf\n{self.leaves}\n{self.stack[-1][1].hex()}\n")
        group.clear()


def disk_alone(path: Path, size: int) -> float:
    """Seconds to write and sync `size` bytes in groups, over a file written once before."""
    data, file = os.urandom(GROUP), os.open(path, os.O_RDWR | os.O_CREAT)
    for offset in range(0, size, GROUP):
        os.pwrite(file, bytes(GROUP), offset)
    os.fsync(file)
    started = time.perf_counter()
    for offset in range(0, size, GROUP):
        os.pwrite(file, data, offset)
        os.fdatasync(file)
    seconds = time.perf_counter() - started
    os.close(file)
    return seconds


def verification(directory: Path, cores: set[int]) -> float:
    """Records a second on these cores; the best of three."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    report = min((verify(directory, SIGNER.verifier) for _ in range(3)), key=lambda r: r.seconds)
    os.sched_setaffinity(0, allowed)
    assert report.verified, report.problems
    return report.records / report.seconds


def measure(folder: Path, records: int, rounds: int) -> dict[str, Any]:
    cores = os.sched_getaffinity(0)
    frame = (segments.FRAME_HEADER + ENTRY.size + 7) // 8 * 8
    ours, plain, disk = [], [], []
    python = PlainPython(folder / "plain")
    with closing((writer := OurWriter(folder / "log")).log):
        for _ in range(rounds):
            ours.append(writer.run(records))
            plain.append(python.run(records // 10) * 10)
            disk.append(disk_alone(folder / "disk", records * frame))
        longest = int(writer.log.native.sync_ns_max)
    return {
        "records_per_round": records,
        "rounds": rounds,
        "bytes_per_record_on_disk": frame,
        "ours_per_second": round(records / statistics.median(ours)),
        "plain_python_per_second": round(records / statistics.median(plain)),
        "disk_alone_per_second": round(records / statistics.median(disk)),
        "times_plain_python": round(10 * statistics.median(plain) / statistics.median(ours)) / 10,
        "verify_per_second_one_core": round(verification(folder / "log", {min(cores)})),
        "verify_per_second_all_cores": round(verification(folder / "log", cores)),
        "longest_write_and_sync_us": longest // 1000,
        "machine": machine(),
        "sha256": {1: "portable", 2: "instructions"}[lib.mam_sha256_select(0)],
    }


def table(result: dict[str, Any]) -> str:
    """For people: one figure a line."""
    lines = [f"# The audit writer, {result['rounds']} interleaved rounds", "", "```"]
    for name, value in result.items():
        lines.append(f"{value:>12,}  {name}" if isinstance(value, int | float) else f"{name}: {value}")
    return "\n".join([*lines, "```"])


def reached(result: dict[str, Any]) -> bool:
    """The targets."""
    written = result["ours_per_second"]
    enough = written >= min(1_000_000, result["disk_alone_per_second"])
    return enough and result["verify_per_second_one_core"] >= 2_000_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--records", type=int, default=500_000, help="a round (default 500000, at most 600000)"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--dir", type=Path, default=None, help="where to write (default: the temporary folder)"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--record", action="store_true", help="keep the figures in perf/results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        result = measure(Path(folder), min(options.records, 600_000), options.rounds)
    report("audit_writer", result, table(result), options.json, options.record)
    return 0 if reached(result) else 1


if __name__ == "__main__":
    sys.exit(main())
