"""RFC 6962 trees: proofs that a leaf is in one, made from a log's segments and checked without it."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from appliance._native import ffi, lib
from appliance.audit import reader
from appliance.audit.errors import AuditError, Damaged

HASH_BYTES = 32


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf's bytes."""
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    """A tree that grows leaf by leaf, from leaf hashes."""

    def __init__(self, native: Any = None) -> None:
        """`native`: a struct mam_merkle * to go on with; it is used, not copied."""
        self.native = ffi.new("struct mam_merkle *") if native is None else native

    @property
    def size(self) -> int:
        return int(self.native.size)

    def append(self, hashes: bytes) -> None:
        """Appends any number of leaf hashes, one after the other."""
        lib.mam_merkle_append_many(self.native, ffi.new("uint8_t[]", hashes or 1), len(hashes) // HASH_BYTES)

    def root(self) -> bytes:
        root = ffi.new("uint8_t[32]")
        lib.mam_merkle_root(self.native, root)
        return bytes(root)

    def node(self, level: int) -> bytes:
        """The root of the last full subtree of 2^level leaves, where the size has that bit."""
        assert self.size >> level & 1
        return bytes(self.native.node[level])


def siblings(index: int, size: int) -> list[tuple[int, int]]:
    """The subtrees [first, last) whose hashes make the inclusion proof, from the leaf's sibling up."""
    if not 0 <= index < size:
        raise AuditError(f"record {index} is not among the {size} that the checkpoint covers")
    found = []
    for level in range((size - 1).bit_length()):
        first = (index >> level ^ 1) << level
        if first < size:
            found.append((first, min(first + (1 << level), size)))
    return found


def inclusion_proof(directory: Path, index: int, size: int) -> tuple[bytes, list[bytes], bytes]:
    """The leaf's bytes, its proof in the tree of the first `size` leaves, and that tree's root.

    What lies before the leaf's segment is taken from the segment's header; the root tells if it is right.
    """
    wanted = siblings(index, size)
    native, batches = reader.frontier_at(directory, index)
    tree, entry = Tree(native), b""
    hashes: dict[tuple[int, int], bytes] = {}
    right = [span for span in wanted if span[0] > index]
    for batch in batches:
        batch = batch.up_to(size)
        if batch.count == 0:
            break
        if batch.first_leaf <= index < batch.first_leaf + batch.count:
            entry = batch.entry(index - batch.first_leaf)
            batch = _before(tree, batch, index, wanted, hashes)
        _grow(tree, batch, right, hashes, index)
    missing = [span for span in wanted if span not in hashes]
    if missing or not entry:
        raise Damaged(f"{directory}: holds fewer records than the {size} that its checkpoint covers")
    proof = [hashes[span] for span in wanted]
    return entry, proof, root_of_proof(index, size, leaf_hash(entry), proof)


def _before(
    tree: Tree,
    batch: reader.Batch,
    index: int,
    wanted: Sequence[tuple[int, int]],
    hashes: dict[tuple[int, int], bytes],
) -> reader.Batch:
    """Notes the left siblings, which are the frontier at the leaf; what of the batch follows the leaf."""
    tree.append(batch.up_to(index).hashes())
    for first, last in wanted:
        if first < index:
            hashes[first, last] = tree.node((last - first).bit_length() - 1)
    tree.native.size = 0
    return batch.since(index + 1)


def _grow(
    tree: Tree,
    batch: reader.Batch,
    right: list[tuple[int, int]],
    hashes: dict[tuple[int, int], bytes],
    index: int,
) -> None:
    """Before the leaf: the one tree of all. After it: one tree for each right sibling, in their order."""
    if batch.first_leaf <= index:
        tree.append(batch.hashes())
        return
    while right and batch.count:
        first, last = right[0]
        tree.append(batch.up_to(last).hashes())
        batch = batch.since(last)
        if tree.size == last - first:
            hashes[right.pop(0)] = tree.root()
            tree.native.size = 0


def root_of_proof(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """The root that a leaf hash and its proof give (RFC 9162 §2.1.3.2); AuditError: not of that size."""
    spans = siblings(index, size)
    if len(spans) != len(proof):
        raise AuditError(
            f"not a proof for record {index} of {size}: {len(proof)} hashes, expected {len(spans)}"
        )
    node = leaf
    for (first, _), sibling in zip(spans, proof, strict=True):
        node = node_hash(sibling, node) if first < index else node_hash(node, sibling)
    return node


# Consistency: that a tree grew from a smaller one (RFC 6962 §2.1.2)


def consistency_spans(old: int, new: int) -> list[tuple[int, int]]:
    """The subtrees [first, last) whose hashes make the proof, in its order; 0 < old <= new."""
    return _consistency(old, 0, new, True)


def _consistency(old: int, first: int, last: int, whole: bool) -> list[tuple[int, int]]:
    size = last - first
    if old == size:
        return [] if whole else [(first, last)]
    half = 1 << (size - 1).bit_length() - 1
    if old <= half:
        return [*_consistency(old, first, first + half, whole), (first + half, last)]
    return [*_consistency(old - half, first + half, last, False), (first, first + half)]


def consistency_proof(directory: Path, old: int, new: int) -> list[bytes]:
    """Of the log's first `old` leaves in its first `new`; AuditError when those are not there."""
    wanted = consistency_spans(old, new) if old else []
    right = [span for span in wanted if span[0] >= old]
    hashes: dict[tuple[int, int], bytes] = {}
    if not wanted:
        return []
    native, batches = reader.frontier_at(directory, old)
    tree, left = Tree(native), [span for span in wanted if span[1] <= old]
    for batch in batches:
        batch = batch.up_to(new)
        if batch.count == 0:
            break
        tree.append(batch.up_to(old).hashes())
        if left and tree.size == old:
            hashes |= {(first, last): tree.node((last - first).bit_length() - 1) for first, last in left}
            left = []
        if batch.first_leaf + batch.count > old:
            if batch.first_leaf <= old:
                tree.native.size = 0
            _grow(tree, batch.since(old), right, hashes, old - 1)
    if any(span not in hashes for span in wanted):
        raise Damaged(f"{directory}: holds fewer than {new} records")
    return [hashes[span] for span in wanted]


def is_consistent(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the tree of `new` leaves begins with the one of `old`."""
    if old > new or (old == 0 and proof) or (old == new and (proof or old_root != new_root)):
        return False
    if old in (0, new):
        return True
    spans = consistency_spans(old, new)
    if len(spans) != len(proof):
        return False
    roots = _two_roots(old, 0, new, old_root, dict(zip(spans, proof, strict=True)))
    return roots == (old_root, new_root)


def _two_roots(
    old: int, first: int, last: int, whole: bytes | None, hashes: dict[tuple[int, int], bytes]
) -> tuple[bytes, bytes]:
    """The roots of the old and of the new tree over [first, last); `whole`: that of an old tree from 0 on."""
    size = last - first
    if old == size:
        node = hashes[first, last] if whole is None else whole
        return node, node
    half = 1 << (size - 1).bit_length() - 1
    if old <= half:
        before, after = _two_roots(old, first, first + half, whole, hashes)
        return before, node_hash(after, hashes[first + half, last])
    before, after = _two_roots(old - half, first + half, last, None, hashes)
    left = hashes[first, first + half]
    return node_hash(left, before), node_hash(left, after)
