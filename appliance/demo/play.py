"""The demo's stage manager: starts the daemon and the embedded broker, sets the day's phases, ends them all.

Each phase first lets the LPs quote, waits until the engine has consumed it, then releases orders; so two runs
of one seed allocate the same, although four processes run side by side.
"""

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from appliance.audit import keys
from appliance.broker.scenario import Group, Phase, Scenario
from appliance.broker.script import provider_script, server_script, write_script
from appliance.daemon.config import AuditSection, BridgeSection, CapacitySection, Config, EngineSection
from appliance.daemon.supervisor import Daemon
from appliance.demo import faults, news
from appliance.demo.actor import Actor, ActorFailed
from appliance.demo.leftovers import instance_of, remove_lock, sweep
from appliance.demo.played import Played
from appliance.memory import Bridge, read_counters
from appliance.schema.codec import from_json
from appliance.schema.decimals import to_text
from appliance.schema.messages import SCHEMA_FINGERPRINT

LPS = 2
CONSUME_SECONDS = 30.0
NEVER_BEHIND = 1 << 40  # journal entries: more than any ring holds
Beat = Callable[[str, int, int], None]  # phase, orders done, children


class DemoFailed(Exception):
    """The demo could not be played to its end; one line."""


@dataclass(frozen=True)
class Options:
    """What the command line chose."""

    accounts: int
    orders: int
    seed: int
    ticks: Sequence[Path]
    directory: Path
    news: bool = False
    faults: str = ""  # of faults.KINDS


def _power_of_two(least: int) -> int:
    return 1 << max(0, least - 1).bit_length()


class Demo:
    """A context manager: leaving it ends every process and removes every region."""

    def __init__(self, options: Options, scenario: Scenario, beat: Beat) -> None:
        """Starts nothing. `beat` is called some times a second, and may raise to end it all."""
        self.options = options
        self.scenario = scenario
        self.instance = instance_of(os.getpid())
        self._beat = beat
        self._phase = "setting up"
        self._actors: list[Actor] = []
        self._daemon: Daemon | None = None
        self._control_sequence = 0
        self._outages: faults.Outages | None = None
        cores = sorted(os.sched_getaffinity(0))
        self._engine_cpu = cores[-1] if len(cores) > 1 else None
        self._cpus = set(cores[:-1]) or set(cores)

    def __enter__(self) -> Self:
        try:
            self._start()
        except ActorFailed as error:
            self._stop()
            raise DemoFailed(str(error)) from None
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    # --- The stage ---

    def _config(self, key: Path) -> Config:
        scenario = self.scenario
        count = len(scenario.accounts)
        members = sum(len(group.members) for group in scenario.groups)
        bridges = [BridgeSection(name="broker", role="broker", in_capacity=1 << 22, out_capacity=1 << 22)]
        bridges += [BridgeSection(name=f"lp{number}", role="lp") for number in range(1, LPS + 1)]
        bridges += [BridgeSection(name="control", role="control")]
        return Config(
            instance=self.instance,
            bridges=bridges,
            audit=AuditSection(directory=str(self.log), key=str(key)),
            engine=EngineSection(
                cpu=self._engine_cpu,
                idle="backoff" if self._engine_cpu is None else "spin",
                # a slow disk makes orders wait, not fail: one seed gives the same allocations on any host
                gap_limit=NEVER_BEHIND,
            ),
            capacities=CapacitySection(
                instruments=len(scenario.instruments),
                accounts=count + len(scenario.groups),
                groups=len(scenario.groups),
                members=members,
                blocks=1024,
                children=_power_of_two(max(4096, 2 * members)),  # news: an order of every group at once
                holdings=max(4096, self._max_bookings),
                positions=max(4096, self._max_bookings),
                history=_power_of_two(max(1024, 2 * len(scenario.orders))),
            ),
        )

    @property
    def _max_bookings(self) -> int:
        """With what three rounds of reallocation may add."""
        return self.scenario.max_bookings * (4 if self.options.faults else 1)

    @property
    def log(self) -> Path:
        """The log's directory."""
        return self.options.directory / "log"

    def _start(self) -> None:
        directory = self.options.directory
        key = directory / "signing.key"
        self.vkey = keys.generate("demo.example/mam", key).vkey
        sweep()
        self._daemon = Daemon(self._config(key), self._show, keep_undrained=False)
        self._daemon.start()
        self._control = Bridge.attach(self.instance, "control", SCHEMA_FINGERPRINT)
        ticks = [str(path) for path in self.options.ticks]
        bad = bool(self.options.faults)
        refuse = faults.REFUSE_PER_MILLE if bad else 0
        server = server_script(self.scenario, ticks, refuse)
        server = msgspec.structs.replace(server, max_bookings=self._max_bookings)
        if bad:
            server = msgspec.structs.replace(server, batch=faults.BATCH, window=faults.WINDOW)
        write_script(directory / "broker.json", server)
        self._server = self._actor("appliance.broker.account_server", "broker")
        for number in range(1, LPS + 1):
            script = provider_script(self.scenario, ticks, number)
            if bad:
                script = msgspec.structs.replace(
                    script,
                    partial_per_mille=faults.PARTIAL_PER_MILLE,
                    reject_per_mille=faults.REJECT_PER_MILLE,
                )
            write_script(directory / f"lp{number}.json", script)
            self._actor("appliance.broker.lp", f"lp{number}")
        self._lps = self._actors[1:]
        for actor in self._actors:
            actor.wait("ready", self._tick)

    def _actor(self, module: str, name: str) -> Actor:
        actor = Actor(module, name, self.instance, self.options.directory / f"{name}.json", self._cpus)
        self._actors.append(actor)
        return actor

    def _stop(self) -> None:
        with contextlib.ExitStack() as stack:
            stack.callback(remove_lock, os.getpid())
            if self._daemon is not None:
                stack.callback(self._daemon.stop)
            for actor in self._actors:
                stack.callback(actor.stop)
            self._actors, self._daemon = [], None

    # --- The play ---

    def play(self) -> Played:
        """From the first account to the last order; what the processes told."""
        try:
            self._server.tell(reference=True)
            self._complete(self._server)
            self._groups()
            for phase in self.scenario.phases:
                self._play(phase)
            if self._outages is not None:
                self._outages.end()
            self._settle()
            counters = read_counters(self.instance)
            lps = [lp.end() for lp in self._lps]
            outages = self._outages.of if self._outages is not None else {}
            return Played(self._server.end(), counters, self.vkey, lps, outages)
        except ActorFailed as error:
            raise DemoFailed(str(error)) from None

    def _play(self, phase: Phase) -> None:
        if self.options.news and phase.name == "news" and self._phase != "news":
            self._tiers(bad=True)
            self._consumed("control", self._control_sequence)
        self._phase = phase.name
        for lp in self._lps:
            lp.tell(quotes_until=phase.quotes_until)
        for lp in self._lps:
            self._complete(lp)
        self._server.tell(
            quotes_until=phase.quotes_until,
            orders_until=phase.orders_until,
            in_flight=phase.in_flight,
            interval_us=phase.interval_us,
        )
        if self.options.faults == "outage" and self._outages is None:
            self._outages = faults.Outages([self._server, *self._lps])
        self._complete(self._server)

    def _complete(self, actor: Actor) -> None:
        """Wait until an actor has done what it was told, and the engine has consumed what it sent."""
        told = actor.wait("complete", self._tick)
        self._consumed(actor.name, int(told["sent"]))

    def _consumed(self, bridge: str, sent: int) -> None:
        deadline = time.monotonic() + CONSUME_SECONDS
        while self._counter(f"bridge {bridge}: messages consumed") < sent:
            self._tick()
            if time.monotonic() > deadline:
                raise DemoFailed(
                    f"the engine did not consume what {bridge} sent within {CONSUME_SECONDS:.0f} s"
                )
            time.sleep(0.001)

    def _counter(self, label: str) -> int:
        return next(counter.value for counter in read_counters(self.instance) if counter.label == label)

    def _tick(self) -> None:
        assert self._daemon is not None
        self._daemon.watch()
        if self._outages is not None:
            self._outages.beat()
        self._show()

    def _show(self) -> None:
        progress = self._actors[0].progress if self._actors else {}  # the account server's
        self._beat(self._phase, int(progress.get("ended", 0)), int(progress.get("children", 0)))

    def _settle(self) -> None:
        """Nothing is at work any more, and the counters say so."""
        deadline = time.monotonic() + CONSUME_SECONDS
        while self._counter("blocks at work") > 0:
            self._tick()
            if time.monotonic() > deadline:
                raise DemoFailed("blocks are still at work although every order has ended")
            time.sleep(0.01)
        time.sleep(0.01)  # the loop publishes its counters each millisecond

    # --- Control ---

    def _send(self, msg: str, **fields: Any) -> None:
        self._control_sequence += 1
        named = {} if msg in ("LeverageTier", "TimeZone") else {"operator_name": "demo"}
        message = from_json({"msg": msg, "sequence": self._control_sequence, **named, **fields})
        while not self._control.send(message):
            self._tick()
            time.sleep(0.001)

    def _tiers(self, bad: bool) -> None:
        for tier in news.tiers(self.scenario, bad):
            self._send("LeverageTier", **tier)

    def _groups(self) -> None:
        if self.options.news:
            self._tiers(bad=False)
            for zone in news.zone():
                self._send(**zone)
        for group in self.scenario.groups:
            self._send_group(group)
        self._consumed("control", self._control_sequence)
        rejected = self._counter("messages rejected")
        if rejected:
            raise DemoFailed(
                f"the engine refused {rejected} of the messages that set it up; the log says which"
            )

    def _send_group(self, group: Group) -> None:
        self._send(
            "GroupPolicy",
            group=group.id,
            policy_version=1,
            master_login=group.master_login,
            house_login=group.house_login,
            currency=group.currency,
            method=group.method,
            rounding=group.rounding,
            on_shortfall=group.on_shortfall,
            below_min=group.below_min,
            execution=group.execution,
            on_partial=group.on_partial,
            on_refused=group.on_refused,
            deviation=to_text(group.deviation, -8),
            **(faults.TERMS if self.options.faults else {}),
        )
        for member in group.members:
            weight = to_text(member.weight, -8)
            terms = news.terms(member.login) if self.options.news else {}
            self._send("Member", group=group.id, login=member.login, weight=weight, **terms)
