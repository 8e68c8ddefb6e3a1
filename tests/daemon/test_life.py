"""`mam run` from its start to every kind of end, with real processes."""

import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from appliance.audit import read_entries
from appliance.memory import leftovers
from appliance.schema.codec import from_json, to_json
from tests.daemon.rig import (
    ROOT,
    Rig,
    assert_gone,
    assert_log_good,
    assert_one_line,
    mam,
    mam_command,
    wait_for,
)

pytestmark = pytest.mark.process


def heartbeats(rig: Rig, count: int, bridge: str = "lp1") -> None:
    """A bridge that says that it lives."""
    with rig.bridge(bridge) as attached:
        for number in range(1, count + 1):
            rig.send(attached, msg="Heartbeat", sequence=number)


def journal(rig: Rig) -> list[int]:
    """Sequences of all journal entries in the log."""
    return [entry.sequence for entry in read_entries(rig.log) if entry.kind != 3]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(rig: Rig, number: int) -> None:
    rig.start()
    heartbeats(rig, 100)
    wait_for(lambda: rig.consumed("lp1") == 100)
    children = rig.family
    assert len(children) == 2
    assert rig.end(number) == (0, "")
    assert_gone(children, 0)
    rig.assert_clean()
    found = assert_log_good(rig.log, rig.vkey)
    assert found["entries"] == len(journal(rig)) >= 104


def test_signals_during_the_start_end_it_cleanly(rig: Rig) -> None:
    for delay in (0.05, 0.4, 0.6, 0.8, 1.0):
        daemon = subprocess.Popen(
            mam_command("run", "--config", rig.config),
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            daemon.wait(delay)
        except subprocess.TimeoutExpired:
            daemon.terminate()
        _, error = daemon.communicate(timeout=60)
        assert daemon.returncode in (0, -signal.SIGTERM), error  # -SIGTERM: Python itself was starting
        rig.assert_clean()
    assert psutil.Process().children() == []


def test_a_second_daemon_is_refused_and_disturbs_nothing(rig: Rig) -> None:
    rig.start()
    before = leftovers(rig.name)
    assert_one_line(mam("run", "--config", rig.config), f"instance {rig.name}: another daemon runs it")
    assert leftovers(rig.name) == before
    heartbeats(rig, 10)
    wait_for(lambda: rig.consumed("lp1") == 10)
    assert rig.end() == (0, "")
    assert_log_good(rig.log, rig.vkey)


def test_a_log_is_refused_to_a_second_instance(rig: Rig, tmp_path: Path) -> None:
    rig.start()
    other = tmp_path / "other.toml"
    other.write_text(rig.config.read_text().replace(rig.name, f"{rig.name}b"))
    assert_one_line(mam("run", "--config", other), "another process is writing this log")
    assert leftovers(f"{rig.name}b") == []
    assert rig.end() == (0, "")
    assert_log_good(rig.log, rig.vkey)


def test_a_killed_writer_is_started_again_and_nothing_is_lost(rig: Rig) -> None:
    daemon = rig.start()
    with rig.bridge("lp1") as lp:
        for number in range(1, 3001):
            rig.send(lp, msg="Heartbeat", sequence=number)
            if number in (500, 501, 1500):
                rig.process("audit.writer").kill()  # the second time perhaps before it was ready
    wait_for(lambda: rig.consumed("lp1") == 3000)
    status, error = rig.end()
    assert (status, daemon.returncode) == (0, 0)
    assert 1 <= error.count("\n") <= 3 and "starting it again" in error
    rig.assert_clean()
    assert_log_good(rig.log, rig.vkey)
    sequences = journal(rig)
    assert sequences == list(range(len(sequences)))


@pytest.mark.parametrize("key_is_lost", [False, True])
def test_what_a_killed_writer_left_is_drained_at_the_end_or_by_the_next_daemon(
    rig: Rig, key_is_lost: bool
) -> None:
    """The fourth kill of the writer ends the daemon, while only memory holds records of what has left."""
    daemon = rig.start()
    for _ in range(3):
        writer = rig.process("audit.writer")
        writer.kill()
        wait_for(lambda pid=writer.pid: rig.process("audit.writer").pid != pid)
    wait_for(lambda: rig.counter("audit: writer state (1 running, 2 ended, 3 failed)") == 1)
    daemon.send_signal(signal.SIGSTOP)  # it does not look for a while
    rig.process("audit.writer").kill()
    heartbeats(rig, 1000)
    wait_for(lambda: rig.consumed("lp1") == 1000)
    if key_is_lost:
        rig.key.rename(rig.key.with_suffix(".gone"))
    daemon.send_signal(signal.SIGCONT)
    status, error = rig.ended()
    assert (f"/dev/shm/mam.{rig.name}.* stays" in error) == key_is_lost
    assert (leftovers(rig.name) != []) == key_is_lost
    assert status == 1 and "the audit writer ended (killed by SIGKILL); trading stops with it" in error
    if key_is_lost:
        rig.key.with_suffix(".gone").rename(rig.key)
        rig.start()
        assert rig.end() == (0, "")
    rig.assert_clean()
    assert_log_good(rig.log, rig.vkey)
    assert journal(rig)[:1004] == list(range(1004))


def test_an_engine_that_aborts_ends_the_daemon_with_bad_news(rig: Rig) -> None:
    """A broken assertion would break again on the same log."""
    rig.start()
    heartbeats(rig, 50)
    wait_for(lambda: rig.consumed("lp1") == 50)
    children = rig.family
    rig.process("engine_process").send_signal(signal.SIGABRT)
    status, error = rig.ended()
    assert status == 1 and error.count("\n") == 1 and "engine ended by itself (killed by SIGABRT)" in error
    assert_gone(children, 0)
    rig.assert_clean()
    assert_log_good(rig.log, rig.vkey)


def test_after_a_killed_daemon_the_next_one_continues_the_log(rig: Rig) -> None:
    daemon = rig.start()
    heartbeats(rig, 500)
    wait_for(lambda: rig.consumed("lp1") == 500)
    children = rig.family
    daemon.kill()
    rig.ended()
    assert_gone(children)
    assert leftovers(rig.name) != []  # bridges go on with them until the next daemon comes
    first = assert_log_good(rig.log, rig.vkey)
    assert first["entries"] >= 504
    rig.start()
    with rig.bridge("lp1") as lp:
        for number in range(501, 521):  # the run goes on, and so do the bridge's numbers
            rig.send(lp, msg="Heartbeat", sequence=number)
    wait_for(lambda: rig.consumed("lp1") == 520)
    assert rig.end()[0] == 0
    rig.assert_clean()
    second = assert_log_good(rig.log, rig.vkey)
    assert second["entries"] >= first["entries"] + 20
    assert journal(rig) == list(range(len(journal(rig))))


def test_killing_everything_at_once_loses_nothing(rig: Rig) -> None:
    daemon = rig.start()
    heartbeats(rig, 2000)
    wait_for(lambda: rig.consumed("lp1") == 2000)
    for process in [*rig.family, daemon]:
        process.kill()
    rig.ended()
    rig.start()
    assert rig.end()[0] == 0
    assert_log_good(rig.log, rig.vkey)
    first_run = journal(rig)
    assert first_run[:2004] == list(range(2004))


def test_a_second_run_continues_the_log(rig: Rig) -> None:
    sizes = []
    for number in (1, 2):  # the same run: its state comes back, and with it what it has counted
        rig.start()
        heartbeats(rig, 5)
        wait_for(lambda expected=5 * number: rig.consumed("lp1") == expected)
        assert rig.end() == (0, "")
        sizes.append(int(assert_log_good(rig.log, rig.vkey)["leaves"]))
    assert sizes[1] > sizes[0]


@pytest.mark.parametrize("what", ["journal", "counters"])
def test_removed_memory_is_bad_news_and_a_clean_end(rig: Rig, what: str) -> None:
    rig.start()
    children = rig.family
    Path(f"/dev/shm/mam.{rig.name}.{what}").unlink()
    status, error = rig.ended()
    assert status == 1 and error.count("\n") == 1 and f"mam.{rig.name}.{what} was removed" in error
    assert_gone(children, 0)
    rig.assert_clean()
    assert_log_good(rig.log, rig.vkey)


def test_commit_releases_only_what_is_on_disk(tmp_path: Path) -> None:
    rig = Rig(tmp_path, engine='durability = "commit"')
    try:
        rig.start()
        with rig.bridge("lp1") as lp:
            assert lp.send(
                from_json({"msg": "Quote", "sequence": 1, "instrument": 7, "bid": "1", "ask": "2"})
            )
            answer = to_json(wait_for(lp.receive)[0])
        assert answer["msg"] == "Reject"
        assert rig.counter("audit: journal entries on disk") > 0
        assert rig.end() == (0, "")
        assert_log_good(rig.log, rig.vkey)
    finally:
        rig.close()
