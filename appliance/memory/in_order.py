"""Each output once, in order, whatever a ring brings twice or not at all: the rule of docs/vendor.md."""

from appliance.schema.messages import OUTPUTS_GONE_ID, RESUMED_ID


class InOrder:
    """Outputs by their sequence numbers. `next` is the number of the one wanted next; keep it safe."""

    def __init__(self, following: int = 1) -> None:
        """`following`: the first output that the bridge has not worked off yet."""
        self.next = following
        self.missing = False
        """Something is missing: send a Resync from `next`, once."""

    def take(self, message: bytes) -> bool:
        """Is this the next one? Others are to be dropped: they were here before, or they come again."""
        sequence = int.from_bytes(message[8:16], "little")
        template = message[2] | message[3] << 8
        if template == OUTPUTS_GONE_ID and sequence >= self.next:
            pass  # what was before it never comes: reconcile with your books
        elif template == RESUMED_ID and sequence >= self.next:
            self.missing = False  # all that there was before it has come
        elif sequence != self.next:
            self.missing = self.missing or sequence > self.next
            return False
        self.next = sequence + 1
        return True
