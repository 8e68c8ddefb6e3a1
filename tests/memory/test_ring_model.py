"""The ring against a deque: whatever the history, what goes in comes out, once and in order."""

from collections import deque

from appliance._native import ffi, lib
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from appliance.memory.ring import unpack_batch
from tests.memory.ring_memory import BUSY, CLAIMED, EMPTY, FULL, TOO_LONG, RingMemory

LARGEST = 1024 // 8 + 3
PAYLOAD = st.integers(0, LARGEST).flatmap(lambda n: st.binary(min_size=n, max_size=n))
KIND = st.integers(1, 2**31 - 1)


class RingMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.expected: deque[tuple[int, bytes]] = deque()
        self.open: tuple[int, bytes] | None = None

    @initialize(capacity=st.sampled_from([128, 256, 1024]))
    def start(self, capacity: int) -> None:
        self.ring = RingMemory(capacity)
        self.largest = capacity // 8

    def room(self, length: int) -> bool:
        """By the layout's rule: the record, padding before it where it does not fit, and the next header."""
        space = (length + 8 + 7) // 8 * 8
        to_end = self.ring.capacity - self.ring.tail % self.ring.capacity
        padding = to_end if space + 8 > to_end and space != to_end else 0
        return self.ring.tail + padding + space + 8 - self.ring.head <= self.ring.capacity

    def outcome(self, length: int) -> int:
        if length > self.largest:
            return TOO_LONG
        if self.open is not None:
            return BUSY
        return 0 if self.room(length) else FULL

    @rule(kind=KIND, payload=PAYLOAD)
    def write(self, kind: int, payload: bytes) -> None:
        outcome = self.outcome(len(payload))
        assert self.ring.write(kind, payload) == outcome
        if outcome == 0:
            self.expected.append((kind, payload))

    @rule(kind=KIND, payload=PAYLOAD)
    def claim(self, kind: int, payload: bytes) -> None:
        outcome = self.outcome(len(payload))
        status, place = self.ring.claim(kind, len(payload))
        assert status == outcome
        if place is not None:
            place[:] = payload
            self.open = (kind, payload)

    @precondition(lambda self: self.open)
    @rule()
    def commit(self) -> None:
        self.ring.commit()
        self.expected.append(self.open)
        self.open = None

    @precondition(lambda self: self.open)
    @rule()
    def abort(self) -> None:
        self.ring.abort()
        self.open = None

    @rule()
    def read(self) -> None:
        before = self.ring.head
        found = self.ring.read()
        if found == CLAIMED:
            assert self.open and not self.expected
        elif found == EMPTY:  # or two records of padding were skipped
            assert not self.expected or self.ring.head > before
        else:
            assert found == self.expected.popleft()

    @rule(room=st.integers(256, 600), maximum=st.integers(0, 5))
    def read_batch(self, room: int, maximum: int) -> None:
        out, used = ffi.new("uint8_t[]", room), ffi.new("uint32_t *")
        before = self.ring.head
        count = lib.mam_ring_read_batch(self.ring.consumer, out, room, maximum, used)
        if count < 0:
            assert not self.expected or maximum == 0 or self.ring.head > before
            return
        found = unpack_batch(ffi.buffer(out, used[0])[:], count)
        assert found == [self.expected.popleft() for _ in range(count)]

    @rule()
    def restart_producer(self) -> None:
        if self.open is None:
            self.ring._producer = None

    @rule()
    def restart_consumer(self) -> None:
        self.ring._consumer = None

    @invariant()
    def positions_are_sane(self) -> None:
        if hasattr(self, "ring"):
            assert 0 <= self.ring.tail - self.ring.head <= self.ring.capacity - 8
            assert lib.mam_ring_check(self.ring.consumer) == 0
            inspected = lib.mam_ring_inspect(self.ring.attach())
            assert inspected == (CLAIMED if self.open else 0)

    def teardown(self) -> None:
        if not hasattr(self, "ring"):
            return
        if self.open:
            self.commit()
        for _ in range(1000):
            found = self.ring.read()
            if isinstance(found, tuple):
                assert found == self.expected.popleft()
        assert not self.expected


TestRing = RingMachine.TestCase
TestRing.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
