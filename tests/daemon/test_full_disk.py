"""A file system that is really full under the log: orders stop with an alarm, nothing is lost, it goes on."""

from pathlib import Path
from typing import Any

import pytest

from appliance.audit import read_entries
from appliance.audit.fast_replay import replay_log
from appliance.schema.codec import to_json
from tests.audit.small_disk import fill, mounted
from tests.daemon.rig import Rig, assert_gone, assert_log_good, wait_for
from tests.daemon.test_recovery import Server, large

pytestmark = pytest.mark.process
SUSPENDED = "new orders refused: the log is behind (1 yes, 2 its disk is full)"


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("durability", ["commit", "async"])
def test_orders_stop_and_resume(rig: Rig, tmp_path: Path, durability: str, killed: bool) -> None:
    """`killed`: so is the writer, while it waits; the next one waits in its place."""
    with mounted(tmp_path / "disk", 150) as disk:
        rig.log = disk / "log"
        rig.config.write_text(large(rig.toml(engine=f'durability = "{durability}"')))
        rig.start()
        server = Server(rig)
        with rig.bridge("broker") as broker, rig.bridge("control") as control:
            server.set_up(broker, control)
            server.send(control, "control", "GroupPolicy", group=8, policy_version=1, master_login=1000,
                        currency="USD", method="equity", execution="stp")  # fmt: skip
            wait_for(lambda: rig.counter("groups") == 2)
            server.trade(broker, 20)
            wait_for(lambda: (rig.log / "segments" / "next").exists())

            def order() -> str:
                fields = {"order": 1, "group": 8, "instrument": 1, "volume": "1.00", "price": "0"}
                server.send(broker, "broker", "MasterOrder", **fields, side="buy", entry="opening")
                (message,) = wait_for(lambda: broker.receive(1))
                server.outputs.append(to_json(message))
                return str(server.outputs[-1]["reason"])

            ballast = fill(disk)
            wait_for(lambda: rig.counter(SUSPENDED) == 2 or server.trade(broker, 1))
            assert rig.counter("audit: waiting for room on the disk (1 yes)") == 1
            assert order() == "log_disk_full"
            if killed:
                writer = rig.process("audit.writer")
                writer.kill()
                assert_gone([writer])
                wait_for(lambda: rig.process("audit.writer").pid != writer.pid)
                wait_for(lambda: rig.counter("audit: waiting for room on the disk (1 yes)") == 1)
            server.trade(broker, 20)  # what the server has executed is allocated all the same
            ballast.unlink()
            wait_for(lambda: rig.counter(SUSPENDED) == 0)
            assert order() != "log_disk_full"
            server.trade(broker, 20)
        numbers = [fields["sequence"] for fields in server.outputs]
        assert numbers == list(range(1, len(numbers) + 1)) and server.booked == 3 * server.deals
        assert rig.end()[0] == 0
        assert_log_good(rig.log, rig.vkey)
        replayed = replay_log(rig.log)
        assert (replayed.difference, replayed.runs) == (None, 1)
        entries: list[dict[str, Any]] = [
            to_json(one.message) for one in read_entries(rig.log) if one.kind in (1, 2)
        ]
        said = [one["suspended"] for one in entries if one["msg"] == "LogState"]
        assert said == [2, 0] * (len(said) // 2) and (killed or len(said) == 2)
        alerts = [one["kind"] for one in entries if one["msg"] == "RiskAlert" and "log" in one["kind"]]
        assert alerts == ["log_disk_full", "log_caught_up"] * (len(said) // 2)
