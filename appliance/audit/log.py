"""A log that is being written: its files, its tree, its signatures. One process at a time holds it.

Nothing is signed before it is durable, and nothing is written after a failed write or sync: the process ends.
"""

import base64
import contextlib
import fcntl
import hashlib
import os
import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from appliance._native import ffi, lib
from appliance.audit import checkpoint, records, recovery, segments
from appliance.audit.checkpoint import Checkpoint
from appliance.audit.errors import AuditError, Damaged
from appliance.audit.keys import KeyFile
from appliance.audit.note import Signer
from appliance.audit.room import NoRoomError, needs_room

LOCK = "lock"
KEYS = "keys"
_BUFFER_BYTES = 1 << 20
_CLOSING_BYTES = 1 << 15
"""More than the two records of a change of key take."""


class NoRoom(Exception):
    """The disk has no room for the next segment or checkpoint. Nothing was written; it may be tried again."""


class WriteFailed(Exception):
    """A write or a sync of the log failed: nobody knows what is on disk, so the process must end."""


@contextlib.contextmanager
def offline(directory: Path, key: Path) -> "Iterator[Log]":
    """The log, for a command that writes a few records while no writer runs; AuditError: it cannot."""
    try:
        with contextlib.closing(Log(directory, KeyFile(key))) as log:
            yield log
    except NoRoom:
        raise AuditError(f"{directory}: the disk is full: expected room for a segment") from None
    except WriteFailed as error:
        raise Damaged(str(error)) from None
    except OSError as error:
        raise AuditError(f"{error.filename or directory}: cannot be written: {error.strerror}") from None


def lock(directory: Path) -> int:
    """Takes the log for this process; returns the descriptor that holds it."""
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise AuditError(f"{directory}: another process is writing this log") from None
    return descriptor


def is_being_written(directory: Path) -> bool:
    """Whether a writer holds the log."""
    try:
        descriptor = os.open(directory / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


class Log:
    """Opens or makes the log in `directory`; raises AuditError when it cannot be continued."""

    def __init__(
        self, directory: Path, signer: Signer | KeyFile, segment_length: int = segments.LENGTH_DEFAULT
    ) -> None:
        self.directory = directory
        self.keys = signer if isinstance(signer, KeyFile) else None
        self.signer = signer.signer if isinstance(signer, KeyFile) else signer
        self.segment_length = segments.check_length(segment_length)
        self.signed: Checkpoint | None = None
        self.epoch = 0
        self.cut_bytes = 0
        self.checkpoints = 0
        self.waits = False
        """There was no room to say that a writer has started: the next segment begins with it."""
        self._changing = False
        """The log has named the next key, and that key has signed nothing yet."""
        self._descriptor = -1
        self._preparing: threading.Thread | None = None
        self._buffer = ffi.new("uint8_t[]", _BUFFER_BYTES)
        self.native = ffi.new("struct mam_log *")
        """The C half: struct mam_log."""
        self.native.buffer = self._buffer
        self.native.capacity = _BUFFER_BYTES
        for folder in (directory, directory / segments.FOLDER, directory / KEYS):
            folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        for folder in (directory, directory.parent):  # or a power cut may take all of it
            checkpoint.sync_folder(folder)
        self._lock = lock(directory)
        try:
            self._open()
        except BaseException:
            self._release()
            raise

    # Opening

    def _open(self) -> None:
        if segments.paths(self.directory):
            self._continue()
        elif (self.directory / checkpoint.FILE).exists():
            raise AuditError(
                f"{self.directory}: has a checkpoint but no segments; part of the log is missing"
            )
        else:
            self._begin()
        if self.size == 0:
            self._write_key()
            self.say("log_opened", **self._opening())
        self._greet()
        self._prepare_next()

    def _greet(self) -> None:
        """A log that goes on in a full segment, on a full disk, waits for the next one with this too."""
        self.waits = False
        try:
            self.say("writer_started", epoch=self.epoch, cut_bytes=self.cut_bytes)
        except NoRoom:
            self.waits = True

    def _opening(self) -> dict[str, Any]:
        return {
            "format": records.FORMAT,
            "origin": self.signer.name,
            "log_id": self._log_id.hex(),
            "epoch": self.epoch,
            "vkey": self.signer.verifier.vkey,
            "previous": None,
        }

    def _write_key(self) -> None:
        path = self.directory / KEYS / f"epoch-{self.epoch:06d}.vkey"
        with needs_room(path):
            path.write_text(self.signer.verifier.vkey + "\n")

    def _begin(self) -> None:
        self._log_id = secrets.token_bytes(16)
        self._number = -1
        tree = ffi.new("struct mam_merkle *")
        self._new_segment(tree, 0)

    def _continue(self) -> None:
        newest = segments.read_header(segments.paths(self.directory)[-1])
        if newest.origin_hash != self._origin_hash:
            raise AuditError(f"{self.directory}: is the log of another origin than {self.signer.name!r}")
        following = self.keys.following if self.keys is not None else None
        known = [signer.verifier for signer in (self.signer, following) if signer is not None]
        end = recovery.recover(self.directory, known)
        changing = following is not None and end.vkey == following.verifier.vkey
        if not changing and end.vkey not in (None, self.signer.verifier.vkey):
            raise AuditError(
                f"{self.directory}: is signed with {end.vkey}, not with {self.signer.verifier.vkey}"
            )
        self._log_id, self._number = end.segment.log_id, end.segment.number
        self.epoch, self.cut_bytes, self.signed = end.epoch, end.cut_bytes, end.checkpoint
        self._descriptor = os.open(end.segment.path, os.O_RDWR | os.O_CLOEXEC)
        # What a killed writer wrote may be in memory only, and counts as durable from here on.
        self._must(lambda: os.fdatasync(self._descriptor))
        scan = end.scan
        tree = ffi.addressof(scan, "tree")
        lib.mam_log_use(
            self.native, self._descriptor, end.segment.native, scan.offset, scan.ordinal, tree, scan.sequence
        )
        if changing:  # a crash came between
            with contextlib.suppress(NoRoom):  # then the next checkpoint ends it
                self._finish_change(end.epoch, end.closing)
        elif self.keys is not None:
            self.keys.discard_next()

    @property
    def _origin_hash(self) -> bytes:
        return hashlib.sha256(self.signer.name.encode()).digest()

    # State

    @property
    def size(self) -> int:
        """Leaves; all durable, for between calls the buffer is empty."""
        return int(self.native.tree.size)

    @property
    def sequence(self) -> int:
        """Of the next journal entry."""
        return int(self.native.sequence)

    def root(self) -> bytes:
        root = ffi.new("uint8_t[32]")
        lib.mam_merkle_root(ffi.addressof(self.native, "tree"), root)
        return bytes(root)

    # Writing

    def say(self, record: str, sequence: int | None = None, **fields: Any) -> None:
        """Appends one of the log's own records, durably. `sequence`: the journal goes on there."""
        following = self.sequence if sequence is None else sequence
        entry = records.build(following, record, **fields)
        if lib.mam_log_append(self.native, entry, len(entry)) == lib.MAM_LOG_FULL:
            self.rotate()
            assert lib.mam_log_append(self.native, entry, len(entry)) == lib.MAM_LOG_OK
        if lib.mam_log_sync(self.native) != lib.MAM_LOG_OK:
            self.fail()
        self.native.sequence = self.native.durable = following

    def fail(self) -> None:
        """Ends what cannot go on: raises WriteFailed with what the system said."""
        raise WriteFailed(f"{self.directory}: writing the log failed: {os.strerror(self.native.error)}")

    def _must(self, call: Any) -> None:
        try:
            call()
        except NoRoomError:
            raise NoRoom from None
        except OSError as error:
            raise WriteFailed(f"{self.directory}: writing the log failed: {error.strerror}") from None

    def rotate(self) -> None:
        """Begins the next segment; all frames of this one are durable."""
        assert self.native.used == 0
        old = self._descriptor
        self._new_segment(ffi.addressof(self.native, "tree"), self.sequence)
        os.close(old)
        if self.waits:
            self._greet()
        self._prepare_next()

    def _new_segment(self, tree: Any, sequence: int) -> None:
        native = ffi.new("struct mam_segment *")
        native.log_id, native.origin_hash = self._log_id, self._origin_hash
        self._number += 1
        native.number = self._number
        native.first_leaf = tree.size
        native.length = self.segment_length
        native.created = time.time_ns()
        native.sequence = sequence
        native.epoch = self.epoch
        native.tree = tree[0]

        def create() -> None:
            self._descriptor = segments.create(self.directory, native)

        try:
            self._must(create)
        except NoRoom:
            self._number -= 1
            raise
        lib.mam_log_use(
            self.native,
            self._descriptor,
            native,
            segments.FIRST_FRAME,
            0,
            ffi.addressof(native, "tree"),
            sequence,
        )

    def _prepare_next(self) -> None:
        if self._preparing is None or not self._preparing.is_alive():
            self._preparing = threading.Thread(target=self._prepare, name="next segment", daemon=True)
            self._preparing.start()

    def _prepare(self) -> None:
        # When it fails, the next rotation finds nothing prepared, tries itself, and fails loudly.
        with contextlib.suppress(OSError):
            segments.prepare(self.directory, self.segment_length)

    # Signing

    def sign(self) -> bytes:
        """Signs what is durable and publishes it; returns the note. NoRoom: the one before stays."""
        signed, data = self._signed()
        if self._changing:
            self._must(self._write_key)
        self._must(lambda: checkpoint.publish(self.directory, data))
        self.signed = signed
        self.checkpoints += 1
        if self._changing:  # not before: the next start must know who signed the newest checkpoint
            assert self.keys is not None
            self._must(self.keys.take_next)
            self._changing = False
        return data

    def _signed(self) -> tuple[Checkpoint, bytes]:
        assert self.native.used == 0, "never sign what is not durable"
        signed = Checkpoint(self.signer.name, self.size, self.root())
        assert self.signed is None or signed.size >= self.signed.size
        return signed, self.signer.sign(signed.text).encode()

    @property
    def unsigned(self) -> int:
        """Leaves that no checkpoint covers yet."""
        return self.size - (self.signed.size if self.signed else 0)

    # Keys

    def change_key(self) -> None:
        """Closes the epoch: the log names the next key, the old one signs that and is wiped.

        NoRoom: it was not done, or the next checkpoint ends it.
        """
        if self.keys is None:
            raise AuditError(f"{self.directory}: its key is in no file, so it cannot be changed")
        if self._changing:
            raise NoRoom
        following = self.keys.make_next()
        if self.native.length - self.native.offset < _CLOSING_BYTES:
            self.rotate()  # a start must find both records of the change in one segment
        self.say(
            "epoch_closed",
            epoch=self.epoch,
            size=self.size,
            root=base64.b64encode(self.root()).decode(),
            next_epoch=self.epoch + 1,
            next_vkey=following.verifier.vkey,
        )
        self._finish_change(self.epoch + 1, closing=True)

    def _finish_change(self, epoch: int, closing: bool) -> None:
        """From where the log names the next key. `closing`: the old key must still sign that."""
        assert self.keys is not None
        if closing:
            self.say("checkpoint", note=self._signed()[1].decode())
        assert self.keys.following is not None
        self.signer, self.epoch = self.keys.following, epoch
        self._changing = True
        self.sign()

    def _release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        os.close(self._lock)

    def close(self) -> None:
        """Lets go of the log; what was not signed stays unsigned."""
        if self._preparing:
            self._preparing.join()
        segments.discard_prepared(self.directory)
        self._release()
