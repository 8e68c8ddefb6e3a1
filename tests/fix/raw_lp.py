"""A provider that writes FIX by hand, for what a good engine would never send."""

import socket
from datetime import UTC, datetime


class RawLp:
    """Listens; one connection at a time. Numbers are what `sequence` says."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self._listener.settimeout(60)
        self.sequence = 1

    def accept(self) -> None:
        self._socket, _ = self._listener.accept()
        self._socket.settimeout(60)

    def send(self, kind: str, *fields: tuple[int, bytes | str]) -> None:
        """The next message; header and trailer are made here."""
        now = f"{datetime.now(UTC):%Y%m%d-%H:%M:%S}"
        head = {35: kind, 34: str(self.sequence), 49: "LP", 52: now, 56: "MAM"}
        body = b"".join(_field(tag, value) for tag, value in [*head.items(), *fields])
        text = b"8=FIX.4.4\x01" + _field(9, str(len(body))) + body
        self._socket.sendall(text + _field(10, f"{sum(text) % 256:03}"))
        self.sequence += 1

    def until(self, kind: str) -> bytes:
        """Read until a message of that type came; what was read."""
        read = b""
        while f"\x0135={kind}\x01".encode() not in read:
            data = self._socket.recv(65536)
            assert data, read
            read += data
        return read

    def close(self) -> None:
        self._listener.close()
        if hasattr(self, "_socket"):
            self._socket.close()


def _field(tag: int, value: bytes | str) -> bytes:
    return f"{tag}=".encode() + (value.encode() if isinstance(value, str) else value) + b"\x01"
