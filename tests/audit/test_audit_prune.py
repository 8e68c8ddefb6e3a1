"""Retention: what is deleted was safe elsewhere and said so; what remains still verifies. And ranges."""

import json
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from appliance._native import ffi, lib

from appliance.audit import keys, read_entries, segments, verify
from appliance.audit.chain import Asked
from appliance.audit.export import export
from appliance.audit.keys import KeyFile
from appliance.audit.log import Log
from appliance.audit.place import Place
from appliance.audit.report import Report
from appliance.audit.selection import Range
from tests.audit.journals import ORIGIN, SEGMENT, JournalRing, drain
from tests.audit.scenario_log import journal_of, lines_of
from tests.cli.command import Done, assert_refused, command


def run_once(log: Path, key: Path, number: int) -> None:
    """A run of the engine, at a time of its own."""
    ring = JournalRing(1 << 21)
    for entry in journal_of(lines_of("post_trade")):
        time = int.from_bytes(entry[8:16], "little") + number
        assert ring.write(entry[:8] + time.to_bytes(8, "little") + entry[16:])
    assert drain(log, KeyFile(key).signer, ring, SEGMENT) == 0


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder: `log` of several segments, runs and epochs, its key, and an export `out`."""
    folder = tmp_path_factory.mktemp("prune")
    keys.generate(ORIGIN, folder / "key")
    for number in range(5):
        run_once(folder / "log", folder / "key", number)
        with closing(Log(folder / "log", KeyFile(folder / "key"), SEGMENT)) as log:
            for copy in range(12):
                log.say("note", text="x" * 5000, copy=copy)
            log.say("checkpoint", note=log.sign().decode())
            if number in (1, 2):
                log.change_key()
            log.sign()
    export(folder / "log", folder / "out")
    return folder


@pytest.fixture
def folder(grown: Path, tmp_path: Path) -> Path:
    shutil.copytree(grown, tmp_path / "f")
    return tmp_path / "f"


def vkeys(folder: Path) -> list[str]:
    return [path.read_text().strip() for path in sorted((folder / "log/keys").glob("*.vkey"))]


def prune(folder: Path, *more: str | Path | int) -> Done:
    return command(
        "audit", "prune", folder / "log", "--key", folder / "key.vkey",
        "--private-key", folder / "key", *map(str, more),
    )  # fmt: skip


def kinds(report: Report) -> list[str]:
    return [problem.kind for problem in report.problems]


def test_the_log_is_worth_it(grown: Path) -> None:
    assert len(segments.paths(grown / "log")) >= 3 and len(vkeys(grown)) == 3
    assert verify(grown / "log", vkeys(grown)[0]).verified


def test_what_is_exported_is_deleted_and_the_rest_verifies(folder: Path) -> None:
    log = folder / "log"
    before = list(read_entries(log))
    done = prune(folder, "--keep-days", 0, "--export", folder / "out", "--operator", "ann")
    assert done.status == 0 and b" deleted; the log begins with record" in done.out, done
    first = segments.read_header(segments.paths(log)[0]).first_leaf
    assert first > 0
    for vkey in vkeys(folder):
        report = verify(log, vkey)
        assert report.verified, report.problems
        assert report.pruned is not None and report.pruned["operator"] == "ann"
        assert report.pruned["first_leaf"] == report.first == first and report.epoch == 2
    done = command("audit", "verify", log, "--key", vkeys(folder)[0])
    said = f"the first {first:,} records were pruned by ann, as record"
    assert done.status == 0 and said.encode() in done.out, done
    done = command("audit", "replay", log)
    assert done.status == 0 and b"byte for byte" in done.out, done
    left = list(read_entries(log, first))
    assert left[: len(before) - first] == before[first:]
    again = prune(folder, "--keep-days", 0, "--export", folder / "out")
    assert again.status == 0 and b"nothing to delete" in again.out
    assert export(log, folder / "out").size == verify(log, vkeys(folder)[0]).covered


def test_a_pruned_log_goes_on_and_is_pruned_again(folder: Path) -> None:
    log = folder / "log"
    assert prune(folder, "--before", segments.read_header(segments.paths(log)[1]).first_leaf,
                 "--export", folder / "out").status == 0  # fmt: skip
    assert len(list((log / "keys").glob("*.closed"))) in (0, 1)
    with closing(Log(log, KeyFile(folder / "key"), SEGMENT)) as opened:
        opened.change_key()
    export(log, folder / "out")
    assert prune(folder, "--keep-days", 0, "--export", folder / "out").status == 0
    for vkey in vkeys(folder):
        report = verify(log, vkey)
        assert report.verified and report.epoch == 3, report.problems


def test_nothing_goes_that_is_not_safe(folder: Path) -> None:
    log, out = folder / "log", folder / "out"
    assert_refused(prune(folder, "--keep-days", 0), "say what makes it safe")
    assert_refused(prune(folder, "--keep-days", 0, "--export", folder / "nowhere"), "cannot be read")
    count = len(segments.paths(log))

    def refused(text: str) -> None:
        done = prune(folder, "--keep-days", 0, "--export", out)
        assert done.status == 1 and text in done.error, done
        assert len(segments.paths(log)) == count

    bundle = out / "tile/entries/000"
    bundle = bundle if bundle.exists() else next((out / "tile/entries").rglob("*.p/*"))
    good = bundle.read_bytes()
    bundle.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    done = prune(folder, "--keep-days", 0, "--export", out)
    assert done.status == 1 and "does not fit its hash" in done.error, done
    bundle.write_bytes(good)
    shutil.copy(log / "checkpoint", folder / "kept")
    data = (out / "checkpoint").read_bytes()
    (out / "checkpoint").write_bytes(data[:-10] + b"AAAAAAAA=\n")
    refused("the signature of key")
    (out / "checkpoint").write_bytes(data)
    path = segments.paths(log)[0]
    body = bytearray(path.read_bytes())
    body[9000] ^= 1
    path.write_bytes(body)
    refused("the log itself does not verify")


def test_what_the_export_lacks_stays(folder: Path, tmp_path: Path) -> None:
    """An export of the first part only; and the newest run, which the engine needs."""
    log = folder / "log"
    small = tmp_path / "small"
    shutil.copytree(folder / "out", small)
    for number in (8, 9):
        with closing(Log(log, KeyFile(folder / "key"), SEGMENT)) as opened:
            for _ in range(60):
                opened.say("note", text="x" * 5000)
            opened.sign()
        run_once(log, folder / "key", number)
    with closing(Log(log, KeyFile(folder / "key"), SEGMENT)) as opened:
        for _ in range(60):
            opened.say("note", text="x" * 5000)
        opened.sign()
    done = prune(folder, "--keep-days", 0, "--export", small, "-n")
    assert done.status == 0 and f"is not in {small} yet" in done.out.decode(), done
    export(log, small)
    done = prune(folder, "--keep-days", 0, "--export", small, "-n")
    assert b"newest run, which it needs to come back" in done.out
    assert segments.read_header(segments.paths(log)[0]).first_leaf == 0  # -n only says so


def test_segments_taken_away_by_hand_are_missing(folder: Path) -> None:
    """Also from a pruned log: no record says that they were pruned."""
    log = folder / "log"
    segments.paths(log)[0].unlink()
    assert kinds(verify(log, vkeys(folder)[0])) == ["missing"]
    shutil.rmtree(folder)


def test_more_than_was_pruned_is_missing(folder: Path) -> None:
    log = folder / "log"
    at = segments.read_header(segments.paths(log)[1]).first_leaf
    assert prune(folder, "--before", at, "--export", folder / "out").status == 0
    segments.paths(log)[0].unlink()
    report = verify(log, vkeys(folder)[-1])
    assert kinds(report)[0] in ("missing", "epoch") and not report.verified


def test_a_forged_chain_of_keys(folder: Path) -> None:
    log = folder / "log"
    assert prune(folder, "--keep-days", 0, "--export", folder / "out").status == 0
    closed = sorted((log / "keys").glob("*.closed"))
    assert closed
    good = closed[0].read_bytes()
    for bad in (b"", good[:-30], good.replace(b"index ", b"index 1"), good[::-1]):
        closed[0].write_bytes(bad)
        assert kinds(verify(log, vkeys(folder)[0])) == ["epoch"], bad
    closed[0].unlink()
    assert "epoch" in kinds(verify(log, vkeys(folder)[0]))
    closed[0].write_bytes(good)
    stranger = keys.generate(ORIGIN, folder / "other")
    (log / "keys/epoch-000000.vkey").write_text(stranger.vkey + "\n")
    assert not verify(log, stranger).verified


def test_an_export_answers_for_what_was_pruned(folder: Path, tmp_path: Path) -> None:
    out, receipt = folder / "out", tmp_path / "r"
    assert prune(folder, "--keep-days", 0, "--export", out).status == 0
    assert_refused(command("audit", "prove", folder / "log", 3, "-o", receipt), "no longer in the log")
    assert command("audit", "prove", out, "--booking", 1, 1, "-o", receipt).status == 0
    done = command("audit", "check", receipt, "--key", vkeys(folder)[-1], "--json")
    assert done.status == 0 and json.loads(done.out)["message"]["msg"] == "Booking"
    assert b"Account 102" in command("audit", "explain", out, 41).out
    assert command("audit", "query", out, "--msg", "Booking").out.count(b"\n") > 8


# Ranges


def test_a_range_reads_less_and_finds_what_is_in_it(folder: Path) -> None:
    log, key = folder / "log", vkeys(folder)[0]
    paths = segments.paths(log)
    heads = [segments.read_header(path) for path in paths]
    whole = verify(log, key)
    for number, head in enumerate(heads):
        end = heads[number + 1].first_leaf if number + 1 < len(heads) else whole.records
        place = Range(Place(leaf=head.first_leaf), Place(leaf=end))
        report = verify(log, key, asked=Asked(range=place))
        assert report.verified, report.problems
        assert (report.first, report.last) == (head.first_leaf, end - 1)
        assert report.records == end - head.first_leaf
    times = [entry.time for entry in read_entries(log, heads[1].first_leaf)]
    report = verify(log, key, asked=Asked(range=Range(Place(time=times[-1]))))
    assert report.verified and report.last == whole.last
    body = bytearray(paths[1].read_bytes())
    body[9000] ^= 1
    paths[1].write_bytes(body)
    inside = Asked(range=Range(Place(leaf=heads[1].first_leaf), Place(leaf=heads[1].first_leaf + 1)))
    assert kinds(verify(log, key, asked=inside))[0] == "changed"


def test_a_range_with_a_forged_start_is_found(folder: Path) -> None:
    """The tree in the first header is vouched for by a signed root behind the range."""
    log, key = folder / "log", vkeys(folder)[0]
    path = segments.paths(log)[1]
    native = segments.read_header(path).native
    native.tree.node[(int(native.first_leaf) & -int(native.first_leaf)).bit_length() - 1][0] ^= 1
    header = ffi.new("uint8_t[]", segments.HEADER_BYTES)
    lib.mam_segment_write(native, header)
    body = path.read_bytes()
    path.write_bytes(bytes(header) * 2 + body[segments.FIRST_FRAME :])
    first = int(native.first_leaf)
    asked = Asked(range=Range(Place(leaf=first + 1), Place(leaf=first + 2)))
    assert "root" in kinds(verify(log, key, asked=asked))
