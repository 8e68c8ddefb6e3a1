"""The host's clock is stepped under a running appliance: logged, alarmed, and time never goes back."""

import mmap
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from appliance.audit import read_entries
from appliance.audit.fast_replay import replay_log
from appliance.schema.codec import to_json
from tests.daemon.rig import Rig, assert_log_good, wait_for
from tests.daemon.test_recovery import Server, large

pytestmark = pytest.mark.process
SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

/* UTC as a file says: so many ns from what the host says. */
int clock_gettime(clockid_t which, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    static volatile int64_t *offset;
    if (real == NULL) {
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
        offset = mmap(NULL, 8, PROT_READ, MAP_SHARED, open(getenv("MAM_TEST_CLOCK"), O_RDONLY), 0);
    }
    int status = real(which, at);
    if (which == CLOCK_REALTIME) {
        int64_t now = at->tv_sec * INT64_C(1000000000) + at->tv_nsec + *offset;
        at->tv_sec = now / 1000000000;
        at->tv_nsec = now % 1000000000;
    }
    return status;
}
"""


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> mmap.mmap:
    """Its first 8 bytes are added to UTC, in ns, in every process that is started from here on."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    source, library, offset = tmp_path / "shim.c", tmp_path / "shim.so", tmp_path / "offset"
    source.write_text(SHIM)
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    offset.write_bytes(bytes(8))
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("MAM_TEST_CLOCK", str(offset))
    with open(offset, "r+b") as file:
        return mmap.mmap(file.fileno(), 8)


def test_a_step_of_the_clock(rig: Rig, clock: mmap.mmap) -> None:
    rig.config.write_text(large(rig.toml()))
    rig.start()
    server = Server(rig)
    steps = [3_000_000_000, -5_000_000_000]
    with rig.bridge("broker") as broker, rig.bridge("control") as control:
        server.set_up(broker, control)
        offset = 0
        for number, step in enumerate(steps, 1):
            server.trade(broker, 20)
            offset += step
            clock[:] = offset.to_bytes(8, "little", signed=True)
            wait_for(lambda number=number: rig.counter("clock: steps") == number, 20)
            assert abs(rig.counter("clock: last step, ns") - step) < 100_000_000
            server.trade(broker, 20)
        server.check()
    status, said = rig.end()
    assert status == 0
    assert [line.split("jumped by ")[1][:2] for line in said.splitlines() if "the clock jumped" in line] == [
        "+3",
        "-5",
    ], said
    assert_log_good(rig.log, rig.vkey)
    assert replay_log(rig.log).difference is None
    entries = [one for one in read_entries(rig.log) if one.kind in (1, 2)]
    times = [one.time for one in entries]
    assert times == sorted(times)
    messages: list[dict[str, Any]] = [to_json(one.message) for one in entries]
    logged = [one["step"] for one in messages if one["msg"] == "ClockState" and one["step"]]
    assert len(logged) == 2
    assert all(abs(int(one) - step) < 100_000_000 for one, step in zip(logged, steps, strict=True)), logged
    alerts = [one["reason"] for one in messages if one["msg"] == "RiskAlert" and one["kind"] == "clock"]
    assert alerts.count("clock_stepped") == 2
