"""Regions: made with the mode that was asked for, whatever the umask; every failure is one line."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator

import pytest
from appliance._native import ffi

from appliance.memory import MemoryLayoutError, Region, Ring

NAME = f"/mam-test-region-{os.getpid()}"
PATH = "/dev/shm" + NAME


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    yield
    assert not os.path.exists(PATH)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o660])
def test_the_umask_does_not_matter(umask: int, mode: int) -> None:
    """In a process of its own, since the umask belongs to all threads."""
    create = f"Region.create({NAME!r}, 4096, {mode})"
    script = f"import os; os.umask({umask}); from appliance.memory import Region; {create}"
    subprocess.run([sys.executable, "-c", script], check=True)
    try:
        assert stat.S_IMODE(os.stat(PATH).st_mode) == mode
    finally:
        os.unlink(PATH)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a file away")
def test_owner() -> None:
    with Region.create(NAME, 4096, 0o660, uid=12345, gid=54321) as region:
        info = os.stat(PATH)
        region.unlink()
    assert (info.st_uid, info.st_gid) == (12345, 54321)


def test_zeroed_shared_and_gone() -> None:
    with Region.create(NAME, 10000) as one, Region.attach(NAME, 10000) as two:
        assert ffi.buffer(one.address)[:] == bytes(10000)
        one.address[9999] = 7
        assert two.address[9999] == 7
        one.unlink()
        one.unlink()
        assert two.address[9999] == 7, "who has it mapped keeps it"


def test_exclusive() -> None:
    with Region.create(NAME, 4096) as region:
        with pytest.raises(MemoryLayoutError, match=f"{NAME}: exists already"):
            Region.create(NAME, 4096)
        region.unlink()


def test_attach_checks() -> None:
    with pytest.raises(MemoryLayoutError, match=f"{NAME}: does not exist"):
        Region.attach(NAME)
    with pytest.raises(MemoryLayoutError, match=f"{NAME}: does not exist"):
        Region.attach(NAME, writable=False)
    with Region.create(NAME, 4096) as region:
        with pytest.raises(MemoryLayoutError, match="has 4096 bytes, expected 4097"):
            Region.attach(NAME, 4097)
        os.truncate(PATH, 0)
        with pytest.raises(MemoryLayoutError, match="has 0 bytes, expected some"):
            Region.attach(NAME)
        region.unlink()


def test_more_than_there_is() -> None:
    """An error at creation, not SIGBUS at the first touch."""
    with pytest.raises(MemoryLayoutError, match="bytes: "):
        Region.create(NAME, 1 << 50)


def test_read_only() -> None:
    with Region.create(NAME, 128 + 768) as region, Region.attach(NAME, writable=False) as reader:
        script = (
            f"from appliance.memory import Region; Region.attach({NAME!r}, writable=False).address[0] = 1"
        )
        done = subprocess.run([sys.executable, "-c", script])
        region.unlink()
        assert done.returncode == -11, "a write is stopped by the hardware"
        assert reader.address[0] == 0


def test_intact() -> None:
    with Region.create(NAME, 8192) as region:
        assert region.intact()
        os.truncate(PATH, 4096)
        assert not region.intact()
        os.truncate(PATH, 8192)
        assert region.intact()
        region.unlink()
        assert not region.intact()


def test_use_after_close_is_an_error_and_no_crash() -> None:
    region = Region.create(NAME, 1024 + 768)
    region.unlink()
    ring = Ring(region)
    assert ring.write(1, b"x")
    region.close()
    region.close()
    for use in (lambda: ring.write(1, b"x"), ring.read, ring.check, ring.backlog, lambda: ring.free(8, 8)):
        with pytest.raises(MemoryLayoutError, match="used after close"):
            use()


def test_ring_in_python() -> None:
    with Region.create(NAME, 1024 + 768) as region:
        region.unlink()
        writer, reader = Ring(region), Ring(region)
        assert reader.read() == []
        sent = [(kind, bytes([kind]) * kind) for kind in range(1, 20)]
        assert all(writer.write(*message) for message in sent)
        assert reader.backlog() > 0
        assert reader.read(5) == sent[:5]
        assert reader.read() == sent[5:]
        while writer.write(1, memoryview(b"x" * 128)):
            pass
        with pytest.raises(MemoryLayoutError, match="too long"):
            writer.write(1, b"x" * 129)
        with pytest.raises(MemoryLayoutError, match="type is under 1"):
            writer.write(0, b"")
        region.address[4] = 0xFE
        region.address[5:8] = b"\xff\xff\xff"
        reader.read(5)
        region.address[0:8] = b"\x03" + bytes(7)


def test_a_corrupt_ring_is_named() -> None:
    with Region.create(NAME, 1024 + 768) as region:
        region.unlink()
        writer, reader = Ring(region), Ring(region)
        writer.write(1, b"x")
        region.address[0] = 3
        for _ in range(2):
            with pytest.raises(MemoryLayoutError, match=f"ring {NAME}: corrupt ring: a record's length"):
                reader.read()
