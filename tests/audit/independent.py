"""An independent check of a log: the standard library and `cryptography`, nothing of ours.

    python independent.py DIR VKEY [--no-crc]

Written from docs/audit.md alone. Reads the segments, rebuilds the RFC 6962 root from the leaves, and checks
the checkpoint's signature and root. AssertionError (exit status 1) with a sentence when anything differs.
"""

import base64
import hashlib
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

HEADER, FIRST_FRAME, FRAME = 4096, 8192, 16


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = crc_table()


def crc32c(data: bytes, crc: int = 0) -> int:
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


class Tree:
    """RFC 6962 §2.1 with a stack of (height, hash) of full subtrees."""

    def __init__(self) -> None:
        self.stack: list[tuple[int, bytes]] = []

    def add(self, entry: bytes) -> None:
        node = (0, sha256(b"\x00" + entry))
        while self.stack and self.stack[-1][0] == node[0]:
            node = (node[0] + 1, sha256(b"\x01" + self.stack.pop()[1] + node[1]))
        self.stack.append(node)

    def root(self) -> bytes:
        if not self.stack:
            return sha256(b"")
        hashes = [value for _, value in self.stack]
        while len(hashes) > 1:
            right = hashes.pop()
            hashes.append(sha256(b"\x01" + hashes.pop() + right))
        return hashes[0]


def read_header(path: Path, data: bytes) -> tuple[bytes, bytes, int, int, int, int]:
    assert len(data) > FIRST_FRAME, f"{path.name}: too short"
    assert data[:HEADER] == data[HEADER:FIRST_FRAME], f"{path.name}: the two headers differ"
    assert data[:8] == b"MAMSEG\r\n", f"{path.name}: magic"
    (crc,) = struct.unpack_from("<I", data, 4092)
    assert crc == crc32c(data[:4092]), f"{path.name}: header checksum"
    version, length, log_id, origin = struct.unpack_from("<II16s32s", data, 8)
    assert (version, length) == (1, HEADER), f"{path.name}: version"
    number, first, size, _, sequence = struct.unpack_from("<QQQqQ", data, 64)
    assert size == len(data), f"{path.name}: length"
    return log_id, origin, number, first, sequence, len(data)


def read_frames(path: Path, data: bytes, salt: bytes, crc: bool) -> Iterator[bytes]:
    at, ordinal = FIRST_FRAME, 0
    while at + FRAME <= len(data) and any(data[at : at + FRAME]):
        length, check, found, behind = struct.unpack_from("<IIII", data, at)
        assert 24 <= length <= 65535 and found == ordinal and behind <= ordinal, (
            f"{path.name}: frame {ordinal}"
        )
        entry = data[at + FRAME : at + FRAME + length]
        if crc:
            fields = struct.pack("<III", length, found, behind)
            assert check == crc32c(salt + fields + entry), f"{path.name}: checksum of frame {ordinal}"
        yield entry
        end = at + FRAME + length
        at = (end + 7) // 8 * 8
        assert not any(data[end:at]), f"{path.name}: padding of frame {ordinal}"
        ordinal += 1
    assert not any(data[at:]), f"{path.name}: bytes after the last frame"


def read_log(directory: Path, origin: str, crc: bool = True) -> Iterator[bytes]:
    """Every entry of the log in order."""
    leaves, log = 0, b""
    for number, path in enumerate(sorted((directory / "segments").glob("*.seg"))):
        data = path.read_bytes()
        log_id, origin_hash, found, first, _, _ = read_header(path, data)
        assert origin_hash == sha256(origin.encode()), f"{path.name}: origin"
        assert (found, first, path.name) == (number, leaves, f"{leaves:020d}.seg"), f"{path.name}: order"
        assert log in (b"", log_id), f"{path.name}: another log"
        log = log_id
        for entry in read_frames(path, data, log_id + struct.pack("<Q", first), crc):
            leaves += 1
            yield entry


def read_checkpoint(directory: Path, vkey: str) -> tuple[str, int, bytes]:
    """Origin, size and root, after the signature was checked."""
    name, key_id, encoded = vkey.strip().split("+", 2)
    key = base64.b64decode(encoded)
    assert key[0] == 1 and sha256(name.encode() + b"\n" + key)[:4].hex() == key_id, "vkey"
    text, _, tail = (directory / "checkpoint").read_bytes().decode().rpartition("\n\n")
    blobs = [line.split(" ")[2] for line in tail.splitlines() if line.startswith(f"\u2014 {name} ")]
    mine = [blob for blob in map(base64.b64decode, blobs) if blob[:4].hex() == key_id]
    assert mine, "the checkpoint is not signed with this key"
    Ed25519PublicKey.from_public_bytes(key[1:]).verify(mine[0][4:], (text + "\n").encode())
    origin, size, root = text.split("\n")[:3]
    assert origin == name, "origin"
    return origin, int(size), base64.b64decode(root)


def check(directory: Path, vkey: str, crc: bool = True) -> dict[str, int | str]:
    """Checks all; what was found. `crc` off: faster, and the root shows a change just as well."""
    origin, size, root = read_checkpoint(directory, vkey)
    tree, leaves, entries, expected = Tree(), 0, 0, 0
    for entry in read_log(directory, origin, crc):
        if leaves == size:
            assert tree.root() == root, "the root is not the signed one"
        tree.add(entry)
        leaves += 1
        sequence, _, _, kind, version, length = struct.unpack_from("<QqHBBI", entry)
        assert version == 1 and length == len(entry) - 24 and kind in (1, 2, 3), f"entry {leaves - 1}"
        if kind == 3:
            expected = sequence
        else:
            assert sequence == expected, f"entry {leaves - 1}: sequence {sequence}, expected {expected}"
            expected, entries = expected + 1, entries + 1
    assert leaves >= size, f"the checkpoint covers {size} leaves, {leaves} are there"
    if leaves == size:
        assert tree.root() == root, "the root is not the signed one"
    return {"origin": origin, "leaves": leaves, "signed": size, "entries": entries, "root": root.hex()}


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--no-crc"]
    key = Path(arguments[1])
    text = key.read_text() if key.exists() else arguments[1]
    try:
        print(check(Path(arguments[0]), text, "--no-crc" not in sys.argv))
    except AssertionError as error:
        sys.exit(f"not verified: {error}")
