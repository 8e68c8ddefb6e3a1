"""The keys of a log, one an epoch, as the log itself names them; and what is left of them after pruning.

An epoch ends with the record `epoch_closed`, which names the next key; right behind it the closed key signs
that. Where those records were pruned, DIR/keys/epoch-<number>.closed holds a receipt (`tlog-proof`) of each
`epoch_closed` under that last signature: it proves by itself that the closed key named the next one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from appliance.audit import note, records
from appliance.audit.errors import AuditError
from appliance.audit.files import read_bytes
from appliance.audit.note import Verifier
from appliance.audit.receipt import Receipt, check

KEYS = "keys"


@dataclass
class Epochs:
    """Which key may sign what."""

    keys: list[Verifier] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    """Size of the log when each epoch ended: more than that its key may not sign."""

    def at(self, size: int) -> list[Verifier]:
        """The one key that may sign a log of that size, as far as the log has named it."""
        epoch = sum(1 for closed in self.closed if closed < size)
        return self.keys[epoch : epoch + 1]

    def close(self, size: int, following: Verifier) -> None:
        """The epoch ends at that size; the next key."""
        self.closed.append(size)
        self.keys.append(following)


def vkey_path(directory: Path, epoch: int) -> Path:
    """Where the log's directory has the public key of an epoch, for convenience."""
    return directory / KEYS / f"epoch-{epoch:06d}.vkey"


def closed_path(directory: Path, epoch: int) -> Path:
    """Where it has the receipt of the end of an epoch, once that was pruned."""
    return directory / KEYS / f"epoch-{epoch:06d}.closed"


def _closings(directory: Path, epochs: int) -> Iterator[tuple[int, Receipt, dict[str, object]]]:
    for epoch in range(epochs):
        path = closed_path(directory, epoch)
        try:
            receipt = Receipt.from_text(read_bytes(path))
            record = records.parse((receipt.entry or b"")[records.HEADER.size :])
            if record["record"] != "epoch_closed":
                raise AuditError("is not of the end of an epoch")
        except AuditError as error:
            raise AuditError(f"{path}: {error}") from None
        yield epoch, receipt, record


def before(directory: Path, epoch: int) -> Epochs:
    """The chain of keys up to the one of `epoch`, from what pruning left. AuditError says what is broken.

    The first key is taken from the directory: whether to trust the chain is for the caller, who must find
    the given key in it.
    """
    path = vkey_path(directory, 0)
    try:
        found = Epochs([Verifier.from_vkey(read_bytes(path).decode(errors="replace"))])
    except AuditError as error:
        raise AuditError(f"{path}: {error}") from None
    for number, receipt, record in _closings(directory, epoch):
        try:
            proven = check(receipt, [found.keys[-1]])
            if proven.size != proven.index + 1:
                raise AuditError("its checkpoint is not the last of the epoch")
            found.close(proven.size, Verifier.from_vkey(str(record.get("next_vkey"))))
        except (note.BadSignature, note.NotSigned) as error:
            raise AuditError(f"{closed_path(directory, number)}: {error}") from None
    return found
