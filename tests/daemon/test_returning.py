"""Bridges that come back, fenced or asking for what they missed; and a run in new memory, by snapshot."""

import shutil
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from appliance.audit import segments, snapshots, verify
from appliance.audit.fast_replay import replay_log
from appliance.audit.keys import KeyFile
from appliance.audit.log import Log
from appliance.memory import Bridge, InOrder, InstanceError
from appliance.schema.codec import to_json
from appliance.schema.messages import SCHEMA_FINGERPRINT
from tests.daemon.rig import Rig, assert_log_good, mam, wait_for
from tests.daemon.test_recovery import Server, large

pytestmark = pytest.mark.process


def attach(rig: Rig, name: str) -> Bridge:
    """As soon as the daemon lets it."""

    def tried() -> Bridge | None:
        try:
            return Bridge.attach(rig.name, name, SCHEMA_FINGERPRINT)
        except InstanceError:
            return None

    found = wait_for(tried, 60)
    assert isinstance(found, Bridge)
    return found


def resync(rig: Rig, bridge: Bridge, following: int) -> list[dict[str, Any]]:
    """Asks for all outputs from `following` on; those that came, the answer last."""
    rig.send(bridge, msg="Resync", sequence=0, from_sequence=following)
    order, came = InOrder(following), []

    def answered() -> bool:
        for message in bridge.receive():
            if order.take(message):
                came.append(to_json(message))
        return bool(came) and came[-1]["msg"] == "Resumed"

    wait_for(answered, 60)
    return came


def test_a_bridge_gets_again_what_it_asks_for(rig: Rig) -> None:
    rig.config.write_text(large(rig.toml()))
    rig.start()
    server = Server(rig)
    with rig.bridge("broker") as broker, rig.bridge("control") as control:
        server.set_up(broker, control)
        server.trade(broker, 30)
        told = list(server.outputs)
        again = resync(rig, broker, 1)
        assert again[:-1] == told
        answer = again[-1]
        assert (answer["consumed"], answer["from_sequence"], answer["lost"]) == (
            server.sequence["broker"],
            1,
            0,
        )
        part = resync(rig, broker, len(told) - 5)
        assert part[:-2] == told[-6:] and part[-2] == answer
        server.outputs += [answer, part[-1]]
        server.trade(broker, 10)
        assert resync(rig, broker, 0)[0]["msg"] == "Resumed"
        ahead = resync(rig, broker, len(server.outputs) + 100)
        assert ahead[0]["lost"] == 98  # two answers are not in server.outputs
    assert rig.end()[0] == 0
    assert_log_good(rig.log, rig.vkey)
    assert replay_log(rig.log).difference is None


def test_a_fenced_bridge_gets_new_rings(rig: Rig) -> None:
    """It wrote garbage: the daemon makes new rings, the bridge attaches again, all others did not notice."""
    rig.config.write_text(large(rig.toml()))
    rig.start()
    server = Server(rig)
    broker = attach(rig, "broker")
    with rig.bridge("control") as control:
        server.set_up(broker, control)
        server.trade(broker, 10)
        ring = getattr(broker.pointer, "in")
        ring.buffer[ring.tail & (ring.capacity - 1)] = 7
        wait_for(lambda: rig.counter("bridge broker: rings fenced") == 1)
        with pytest.raises(InstanceError):
            wait_for(lambda: broker.check(), 1)
        broker.close()
        broker = attach(rig, "broker")
        assert broker.pointer.generation == 2
        came = resync(rig, broker, len(server.outputs) + 1)
        server.sequence["broker"] = came[-1]["consumed"]
        server.outputs += came
        server.trade(broker, 10)
        assert rig.counter("bridge broker: rings fenced") == 0
        rig.process("engine_process").kill()
        server.trade(broker, 20)
        broker.close()
    server.outputs = [one for one in server.outputs if one["msg"] != "Resumed"]
    assert rig.end()[0] == 0
    assert replay_log(rig.log).difference is None


def test_a_run_goes_on_in_new_memory(rig: Rig) -> None:
    """From the newest snapshot and the log; one of another build, or a changed one, is left out."""
    rig.config.write_text(large(rig.toml()))
    server = Server(rig)
    for number, spoil in enumerate(["", "build", "byte", "record"]):
        rig.start()
        with attach(rig, "broker") as broker, attach(rig, "control") as control:
            if number == 0:
                server.set_up(broker, control)
            else:
                came = resync(rig, broker, len(server.outputs) + 1)
                assert [one["msg"] for one in came] == ["Resumed"]
                assert came[0]["consumed"] == server.sequence["broker"]
                server.outputs += came
            server.trade(broker, 20)
            done = mam("audit", "snapshot", rig.log)
            assert done.returncode == 0, done.stderr
            server.trade(broker, 20)
        status, error = rig.end()
        assert status == 0 and ("left out" in error) == (spoil == "record"), error
        path = snapshots.files(rig.log)[-1]
        (usable, *_) = snapshots.usable(rig.log)
        assert usable.path == path
        fresh = Path(shutil.copytree(rig.log, rig.folder / f"copy{number}"))
        shutil.rmtree(fresh / "snapshots")
        made = snapshots.take(fresh)
        assert made is not None and made.header.leaf > usable.header.leaf
        if spoil == "build":
            data = path.read_bytes()
            path.write_bytes(data.replace(snapshots.build().encode(), bytes(64)))
            assert path not in [one.path for one in snapshots.usable(rig.log)]
        elif spoil == "byte":
            data = bytearray(path.read_bytes())
            data[-7] ^= 1
            path.write_bytes(data)
    assert_log_good(rig.log, rig.vkey)
    replayed = replay_log(rig.log)
    assert (replayed.difference, replayed.runs, replayed.unfinished) == (None, 1, 0)
    assert replayed.snapshots > 0


def test_a_run_whose_beginning_was_pruned(rig: Rig) -> None:
    """It goes on from a snapshot; a bridge that asks for what was pruned is told so, and the operator too."""
    rig.config.write_text(rig.toml(engine='durability = "commit"'))
    server, out = Server(rig), rig.folder / "out"
    for number in range(2):
        rig.start()
        with attach(rig, "broker") as broker, attach(rig, "control") as control:
            if number == 0:
                server.set_up(broker, control)
            else:
                server.outputs += resync(rig, broker, len(server.outputs) + 1)
            for _ in range(2):
                server.trade(broker, 5)
                assert mam("audit", "snapshot", rig.log).returncode == 0
            server.trade(broker, 5)
        assert rig.end()[0] == 0
        with closing(Log(rig.log, KeyFile(rig.key))) as log:
            if number == 0:
                log.rotate()
            log.sign()
    assert mam("audit", "export", rig.log, out).returncode == 0
    prune = ["audit", "prune", rig.log, "--key", rig.vkey, "--private-key", rig.key, "--keep-days", "0"]
    prune += ["--export", out]
    done = mam(*prune)
    assert b"newest run, which it needs" in done.stdout and len(segments.paths(rig.log)) == 2, done
    done = mam(*prune, "--with-snapshots")
    assert done.returncode == 0 and len(segments.paths(rig.log)) == 1, done
    rig.start()
    with attach(rig, "broker") as broker:
        came = resync(rig, broker, 1)
        gone = came[0]
        assert (gone["msg"], gone["from_sequence"]) == ("OutputsGone", 1)
        assert came[1:-1] == server.outputs[gone["sequence"] :] and 0 < gone["sequence"] < len(server.outputs)
        server.outputs.append(came[-1])
        server.trade(broker, 5)
        again = resync(rig, broker, 1)
        assert again[0] == gone and again[1:-1] == server.outputs[gone["sequence"] :]
    with attach(rig, "lp1") as lp:  # it has heard nothing since
        assert [one["msg"] for one in resync(rig, lp, 1)] == ["Resumed"]
    status, said = rig.end()
    assert status == 0 and f"bridge broker asked for its outputs from 1 on; 1 to {gone['sequence']}" in said
    assert verify(rig.log, rig.vkey).verified
    replayed = replay_log(rig.log)
    assert (replayed.difference, replayed.runs) == (None, 1) and replayed.skipped > 0 < replayed.outputs
    shown = mam("audit", "replay", rig.log)
    assert shown.returncode == 0 and b"whose run begins in what was pruned" in shown.stdout
    for snapshot in snapshots.files(rig.log):
        snapshot.unlink()
    refused = mam("run", "--config", rig.config)
    assert refused.returncode != 0 and b"the beginning of the run was pruned" in refused.stderr, refused


def test_a_changed_configuration_begins_a_new_run(rig: Rig) -> None:
    rig.start()
    wait_for(lambda: rig.counter("journal records") >= 5)
    assert rig.end() == (0, "")
    rig.config.write_text(rig.toml(capacities="blocks = 7"))
    rig.start()
    wait_for(lambda: rig.counter("journal records") >= 5)
    assert rig.end() == (0, "engine: the log's run had other limits or other bridges: a new run begins\n")
    assert replay_log(rig.log).runs == 2


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
@pytest.mark.parametrize("call", ["fdatasync", "pwrite64"])
def test_a_failed_write_or_sync_ends_it_and_the_next_start_goes_on(rig: Rig, call: str, error: str) -> None:
    """It is never tried again; memory stays, and what it holds is in the log after the next start."""
    rig.config.write_text(large(rig.toml(engine='durability = "commit"')))
    rig.start()
    server = Server(rig)
    with rig.bridge("broker") as broker, rig.bridge("control") as control:
        server.set_up(broker, control)
        server.trade(broker, 20)
        writer = rig.process("audit.writer")
        inject = ["-e", f"trace={call}", "-e", f"inject={call}:error={error}"]
        with subprocess.Popen(
            ["strace", "-f", "-p", str(writer.pid), *inject, "-o", "/dev/null"], stderr=subprocess.DEVNULL
        ):
            server.stop.set()
            wait_for(lambda: server.rig.send(control, msg="Heartbeat", sequence=99) or True)
            status, said = rig.ended()
        assert status == 1 and "writing the log failed" in said
        assert "the audit writer ended (exit status 3); trading stops with it" in said
        assert f"/dev/shm/mam.{rig.name}.* stays" in said
    rig.start()
    with attach(rig, "broker") as broker:
        came = resync(rig, broker, len(server.outputs) + 1)
        assert came[-1]["lost"] == 0
        server.outputs += came
        server.stop.clear()
        server.trade(broker, 20)
    assert rig.end()[0] == 0
    rig.assert_clean()
    assert_log_good(rig.log, rig.vkey)
    replayed = replay_log(rig.log)
    assert (replayed.difference, replayed.runs) == (None, 1)
