"""An instance: created by one daemon, found by its bridges, refused to a second, cleaned after a dead one."""

import os
import signal
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from appliance._native import ffi, lib

from appliance.memory import (
    Bridge,
    BridgeSpec,
    Counters,
    Directory,
    Instance,
    InstanceError,
    MemoryLayoutError,
    Region,
    Ring,
    Role,
    State,
    directory_name,
    in_name,
    journal_name,
    leftovers,
    out_name,
    read_counters,
)
from appliance.memory.lock import InstanceLock, lock_directory

NAME = f"test-{os.getpid()}"
PRINT = 0x1122334455667788
LP = BridgeSpec("lp1", Role.LP, 4096, 8192)
BROKER = BridgeSpec("mt5", Role.BROKER, 1 << 16, 1 << 16)
SMALL: dict[str, Any] = {"fingerprint": PRINT, "journal_capacity": 1 << 16, "counters_capacity": 16}


@pytest.fixture(autouse=True)
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A lock directory of the test's own; nothing of the instance may be left at its end."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    yield tmp_path
    left = leftovers(NAME)
    for name in left:
        os.unlink("/dev/shm" + name)
    assert not left


def create(**changes: Any) -> Instance:
    return Instance.create(NAME, [LP, BROKER], **(SMALL | changes))


def message(template: int, size: int = 64) -> bytes:
    return struct.pack("<HHHH", size - 8, template, 1, 0).ljust(size, b"m")


DAEMON = f"""
import os, sys, time
from appliance._native import lib
from appliance.memory import *
instance = Instance.create({NAME!r}, [BridgeSpec("lp1", Role.LP, 4096, 8192),
    BridgeSpec("mt5", Role.BROKER, 1 << 16, 1 << 16)], fingerprint={PRINT},
    journal_capacity=1 << 16, counters_capacity=16, keep="keep" in sys.argv)
journal = Ring(instance.journal_region)
journal.write(1, b"unread")
Ring(instance.out_region("lp1")).write(9, b"12345678")
instance.counters.add(instance.counters.allocate(1, "lives"))
if "claim" in sys.argv:
    from appliance._native import ffi
    lib.mam_ring_claim(journal.pointer, 1, 20, ffi.new("void **"))
print("up", flush=True)
time.sleep(60)
"""


@pytest.fixture
def daemon() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(*args: str) -> subprocess.Popen[str]:
        process = subprocess.Popen([sys.executable, "-c", DAEMON, *args], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == "up\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()
    for name in leftovers(NAME):
        os.unlink("/dev/shm" + name)


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_everything_is_there_and_then_gone() -> None:
    with create() as instance:
        assert leftovers(NAME) == sorted(
            f"/mam.{NAME}.{rest}"
            for rest in ("directory", "counters", "journal", "in.lp1", "out.lp1", "in.mt5", "out.mt5")
        )
        assert instance.in_region("lp1").size == 4096 + 768
        assert instance.intact() == []
        modes = {
            name.split(".")[2]: stat.S_IMODE(os.stat("/dev/shm" + name).st_mode) for name in leftovers(NAME)
        }
        assert modes == {"directory": 0o644, "counters": 0o644, "journal": 0o600, "in": 0o660, "out": 0o660}
    assert leftovers(NAME) == []
    instance.close()


def test_directory_bytes() -> None:
    """The layout that directory.h documents, read without its code."""
    with create() as instance:
        memory = Path("/dev/shm" + directory_name(NAME)).read_bytes()
        assert len(memory) == 8448
        assert memory[0:8] == b"MAMDIR01"
        version, count, fingerprint, pid, _, generation, created = struct.unpack_from("<IIQqqQq", memory, 8)
        assert (version, count, fingerprint, pid, generation) == (1, 2, PRINT, os.getpid(), 1)
        assert abs(time.time_ns() - created) < 60 * 10**9
        assert struct.unpack_from("<II", memory, 56) == (1 << 16, 16)
        assert memory[64:96] == NAME.encode().ljust(32, b"\0")
        lp = memory[256:384]
        assert lp[0:32] == b"lp1".ljust(32, b"\0")
        assert struct.unpack_from("<IIIIQII", lp, 32) == (1, 2, 4096, 8192, 1, 1, 1)
        instance.heartbeat(123456789)
        assert Path("/dev/shm" + directory_name(NAME)).read_bytes()[128:136] == struct.pack("<q", 123456789)
        assert instance.directory.heartbeat() == 123456789


def test_a_bridge_talks_to_the_engine() -> None:
    with create() as instance, Bridge.attach(NAME, "lp1", PRINT) as bridge:
        assert (bridge.id, bridge.role) == (1, Role.LP)
        to_engine, from_engine = Ring(instance.in_region("lp1")), Ring(instance.out_region("lp1"))
        assert bridge.send(message(300))
        assert to_engine.read() == [(300, message(300))]
        for template in range(1, 6):
            assert from_engine.write(template, message(template))
        assert bridge.receive(2) == [message(1), message(2)]
        buffer = bytearray(8192)
        assert bridge.receive_into(buffer) == (3, 3 * 72)
        assert buffer[8:72] == message(3)
        assert bridge.receive() == []
        assert bridge.receive_into(buffer) == (0, 0)
        while bridge.send(message(1)):
            pass
        with pytest.raises(MemoryLayoutError, match="8-byte header"):
            bridge.send(b"1234567")
        with pytest.raises(MemoryLayoutError, match="too long"):
            bridge.send(message(1, 513))
        with pytest.raises(MemoryLayoutError, match="type is under 1"):
            bridge.send(bytes(8))
        with pytest.raises(MemoryLayoutError, match="too long"):
            from_engine.write(7, message(7))
            bridge.receive_into(bytearray(16))
        bridge.check()
        assert bridge.heartbeat() > 0
        bridge.close()
        with pytest.raises(InstanceError, match="used after close"):
            bridge.receive()


@pytest.mark.parametrize(
    ("instance", "bridge", "fingerprint", "why"),
    [
        ("nobody-here", "lp1", PRINT, "its daemon does not run"),
        (NAME, "lp2", PRINT, "no bridge of that name"),
        (NAME, "lp", PRINT, "no bridge of that name"),
        (NAME, "lp1", PRINT + 1, "built with other messages"),
        ("a.b", "lp1", PRINT, "A-Z a-z 0-9 _ -"),
        (NAME, "../x", PRINT, "A-Z a-z 0-9 _ -"),
        ("", "lp1", PRINT, "A-Z a-z 0-9 _ -"),
        ("x" * 32, "lp1", PRINT, "A-Z a-z 0-9 _ -"),
    ],
)
def test_attach_says_why_not(instance: str, bridge: str, fingerprint: int, why: str) -> None:
    with create(), pytest.raises(InstanceError, match=f"instance {instance}, bridge {bridge}: .*{why}"):
        Bridge.attach(instance, bridge, fingerprint)


def poke(offset: int, data: bytes) -> Callable[[], None]:
    def do() -> None:
        with open("/dev/shm" + directory_name(NAME), "r+b") as file:
            file.seek(offset)
            file.write(data)

    return do


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (poke(0, bytes(8)), "not complete"),
        (poke(8, b"\2"), "another version"),
        (poke(12, b"\xff"), "contradict"),
        (poke(64, bytes(1)), "contradict"),
        (poke(256 + 128 + 32, b"\7"), "contradict"),
        (poke(256, b"/"), "contradict"),
        (poke(256 + 41, b"\1"), "wrong size"),
        (poke(256 + 56, bytes(1)), "closed"),
        (poke(256 + 60, b"\2"), "fenced"),
        (lambda: os.truncate("/dev/shm" + directory_name(NAME), 8447), "wrong size"),
        (lambda: os.truncate("/dev/shm" + in_name(NAME, "lp1"), 4096 + 760), "wrong size"),
        (lambda: os.unlink("/dev/shm" + out_name(NAME, "lp1")), "ring of the bridge is missing"),
    ],
)
def test_attach_to_something_damaged(damage: Callable[[], None], why: str) -> None:
    with create():
        damage()
        with pytest.raises(InstanceError, match=why):
            Bridge.attach(NAME, "lp1", PRINT)


def test_attach_to_a_ring_with_impossible_positions() -> None:
    with create() as instance:
        instance.in_region("lp1").address[4096 + 384] = 1
        with pytest.raises(InstanceError, match="positions are corrupt"):
            Bridge.attach(NAME, "lp1", PRINT)


def test_a_second_daemon_is_refused(daemon: Any) -> None:
    first = daemon()
    before = leftovers(NAME)
    with pytest.raises(InstanceError, match=f"another daemon runs it \\(pid {first.pid}, lock .*{NAME}.lock"):
        create()
    with pytest.raises(InstanceError, match="another daemon runs it"):
        create(keep=True)
    assert leftovers(NAME) == before
    with Bridge.attach(NAME, "lp1", PRINT) as bridge:
        bridge.check()


def test_a_second_daemon_is_refused_even_with_another_lock(daemon: Any, tmp_path: Path) -> None:
    """The lock file was removed, or the two look in different folders: the directory names the first."""
    first = daemon()
    (tmp_path / f"{NAME}.lock").unlink()
    before = leftovers(NAME)
    with pytest.raises(InstanceError, match=f"another daemon runs it \\(pid {first.pid}\\)"):
        create()
    assert leftovers(NAME) == before


def test_what_a_killed_daemon_left_is_removed_after_its_journal_is_read(daemon: Any) -> None:
    kill(daemon())
    assert len(leftovers(NAME)) == 7
    salvaged: list[tuple[int, bytes]] = []
    with create(salvage=lambda journal: salvaged.extend(journal.read())) as instance:
        assert salvaged == [(1, b"unread")]
        assert Ring(instance.journal_region).read() == []
        assert read_counters(NAME) == []


def test_a_pid_that_came_again_is_not_the_old_daemon(daemon: Any) -> None:
    """The directory names a live pid, but with another start time."""
    kill(daemon())
    with Region.attach(directory_name(NAME)) as region:
        Directory(region).pointer.pid = os.getpid()
    create().close()


def test_regions_survive_and_are_taken_over(daemon: Any) -> None:
    """With keep: the bridge goes on with the same rings, and nothing is lost."""
    process = daemon()
    with Bridge.attach(NAME, "lp1", PRINT) as bridge:
        kill(process)
        assert bridge.send(message(5))
        with create(keep=True) as instance:
            bridge.check()
            assert Ring(instance.in_region("lp1")).read() == [(5, message(5))]
            assert bridge.receive() == [b"12345678"]
            assert Ring(instance.journal_region).read() == [(1, b"unread")]
            assert [(c.label, c.value) for c in read_counters(NAME)] == [("lives", 1)]
            assert instance.counters.allocate(1, "lives") == 0
            assert instance.directory.owner_alive() == os.getpid()


def test_keep_without_leftovers_creates() -> None:
    with create(keep=True):
        assert len(leftovers(NAME)) == 7


@pytest.mark.parametrize(
    "changes", [{"journal_capacity": 1 << 17}, {"fingerprint": 1}, {"counters_capacity": 17}]
)
def test_keep_refuses_another_shape(daemon: Any, changes: dict[str, int]) -> None:
    kill(daemon())
    with pytest.raises(InstanceError, match="cannot be kept"):
        create(keep=True, **changes)
    assert len(leftovers(NAME)) == 7, "it is the operator who decides to drop them"
    create(**changes).close()


def test_keep_refuses_a_half_written_journal(daemon: Any) -> None:
    kill(daemon("claim"))
    with pytest.raises(
        InstanceError, match=r"cannot be kept: ring .*journal: the producer is inside a write"
    ):
        create(keep=True)
    salvaged: list[tuple[int, bytes]] = []
    with create(salvage=lambda journal: salvaged.extend(journal.read())):
        assert salvaged == [(1, b"unread")]


def test_a_half_made_instance_is_stale(tmp_path: Path) -> None:
    Region.create(directory_name(NAME), 8448).close()
    Region.create(journal_name(NAME), 100).close()
    create(salvage=lambda journal: pytest.fail("there is no journal")).close()


def test_a_salvage_that_fails_leaves_everything(daemon: Any) -> None:
    kill(daemon())

    def fail(journal: Ring) -> None:
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        create(salvage=fail)
    assert len(leftovers(NAME)) == 7
    create().close()


def test_failure_half_way_leaves_nothing() -> None:
    giant = BridgeSpec("giant", Role.LP, 1 << 30, 1 << 30)
    limited = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from appliance.memory import *
try:
    Instance.create({NAME!r}, [BridgeSpec("lp1", Role.LP), BridgeSpec("giant", Role.LP, {giant.in_capacity})],
        fingerprint=1)
except InstanceError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", limited], capture_output=True, text=True)
    assert done.stdout.startswith(f"instance {NAME}: shared memory"), done
    assert leftovers(NAME) == []


@pytest.mark.parametrize(
    ("bridges", "changes", "why"),
    [
        ([BridgeSpec("a", Role.LP, 1000)], {}, "bridge a, in ring: capacity 1000 is not a power of two"),
        ([BridgeSpec("a", Role.LP, 4096, 64)], {}, "bridge a, out ring: capacity 64"),
        ([BridgeSpec("a", Role.LP), BridgeSpec("a", Role.BROKER)], {}, "two bridges have one name"),
        ([BridgeSpec("a b", Role.LP)], {}, "bridge 'a b': a name is"),
        ([BridgeSpec(f"b{n}", Role.LP) for n in range(65)], {}, "65 bridges, at most 64"),
        ([], {"journal_capacity": 2**31}, "journal: capacity 2147483648"),
        ([], {"counters_capacity": 0}, "0 counters, expected 1 to 65536"),
    ],
)
def test_a_shape_that_makes_no_sense(bridges: list[BridgeSpec], changes: dict[str, int], why: str) -> None:
    with pytest.raises(MemoryLayoutError, match=why):
        Instance.create(NAME, bridges, **(SMALL | changes))


def test_renew_gives_new_rings_and_the_old_bridge_sees_it() -> None:
    with create() as instance:
        old = Bridge.attach(NAME, "lp1", PRINT)
        engine = Ring(instance.in_region("lp1"))
        instance.directory.set_state("lp1", State.FENCED)
        with pytest.raises(InstanceError, match="fenced"):
            old.check()
        instance.renew("lp1")
        with pytest.raises(InstanceError, match="closed, or were renewed"):
            old.check()
        old.send(message(1))  # into the old ring, which nobody reads, and which is still mapped
        assert engine.read() == [(1, message(1))]
        old.close()
        with Bridge.attach(NAME, "lp1", PRINT) as new:
            assert new.send(message(2))
            assert Ring(instance.in_region("lp1")).read() == [(2, message(2))]
        assert instance.directory.states("lp1") == (State.OPEN, State.OPEN)
        assert instance.directory.pointer.generation == 2
        with pytest.raises(InstanceError, match="no bridge 'x'"):
            instance.renew("x")


def test_intact_names_what_was_removed_or_truncated() -> None:
    with create() as instance:
        os.truncate("/dev/shm" + in_name(NAME, "lp1"), 4096)
        os.unlink("/dev/shm" + journal_name(NAME))
        assert sorted(instance.intact()) == sorted([in_name(NAME, "lp1"), journal_name(NAME)])


def test_a_bridge_sees_a_clean_shutdown() -> None:
    instance = create()
    with Bridge.attach(NAME, "mt5", PRINT) as bridge:
        bridge.check()
        instance.close()
        with pytest.raises(InstanceError, match="closed"):
            bridge.check()
        assert bridge.receive() == []


def test_a_forked_child_removes_nothing() -> None:
    with create() as instance:
        child = os.fork()
        if child == 0:
            instance.close()
            os._exit(0)
        os.waitpid(child, 0)
        assert len(leftovers(NAME)) == 7
        with Bridge.attach(NAME, "lp1", PRINT) as bridge:
            bridge.check()


def test_a_producer_killed_inside_a_write_blocks_its_ring_and_nothing_else() -> None:
    """The reader reports CLAIMED for ever: the host fences the ring by its own clock."""
    with create() as instance:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            bridge = Bridge.attach(NAME, "lp1", PRINT)
            bridge.send(message(1))
            lib.mam_ring_claim(ffi.addressof(bridge.pointer, "in"), 2, 40, ffi.new("void **"))
            os.write(writing, b"!")
            time.sleep(60)
            os._exit(0)
        os.read(reading, 1)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        engine = Ring(instance.in_region("lp1"))
        assert engine.read() == [(1, message(1))]
        assert not engine.claimed
        for _ in range(100):
            assert engine.read() == []
            assert engine.claimed
        engine.check()
        instance.directory.set_state("lp1", State.FENCED)
        instance.renew("lp1")
        with Bridge.attach(NAME, "lp1", PRINT) as bridge:
            assert bridge.send(message(3))
        assert Ring(instance.in_region("lp1")).read() == [(3, message(3))]
        os.close(reading)
        os.close(writing)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become another user")
def test_another_user_is_denied() -> None:
    with create():
        child = os.fork()
        if child == 0:
            os.setgroups([])
            os.setgid(12345)
            os.setuid(12345)
            status = 1
            try:
                read_counters(NAME)
                Bridge.attach(NAME, "lp1", PRINT)
            except InstanceError as error:
                status = 0 if "no permission" in str(error) else 2
            os._exit(status)
        assert os.waitpid(child, 0)[1] == 0


def test_counters_of_a_running_instance() -> None:
    with create() as instance:
        counters = Counters(instance.counters_region)
        counters.add(counters.allocate(7, "orders"), 3)
        assert [(c.type, c.label, c.value) for c in read_counters(NAME)] == [(7, "orders", 3)]


def test_lock_directory_of_a_plain_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RUNTIME_DIRECTORY")
    monkeypatch.setattr("appliance.memory.lock.SYSTEM_DIRECTORY", tmp_path / "run-mam")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    private = lock_directory()
    assert private == tmp_path / f"mam-{os.getuid()}"
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    private.chmod(0o755)
    with pytest.raises(InstanceError, match="only this user"):
        lock_directory()
    private.rmdir()
    private.symlink_to(tmp_path)
    with pytest.raises(InstanceError, match="only this user"):
        lock_directory()
    (tmp_path / "run-mam").mkdir()
    assert lock_directory() == tmp_path / "run-mam"


def test_lock_in_a_missing_directory(tmp_path: Path) -> None:
    with pytest.raises(InstanceError, match=r"lock file .*No such file"):
        InstanceLock(NAME, tmp_path / "missing")
