"""The tree over every step of every case: one root that changes when any of them does (RFC 6962, section 2.1).

Promises: an *inclusion proof* shows that one step is in the log without showing any other; a *consistency proof* shows
that today's log only added to an earlier one. Both are lists of hashes, at most about log2(size) long. Every hash is 32
bytes of SHA-256; a leaf is hashed after the byte 0x00 and a node after 0x01, so neither can pass for the other.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

EMPTY = hashlib.sha256(b"").digest()
"""The root of the tree without leaves."""


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry). Our entries are the 32 bytes of a step's hash."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """What must be kept of a tree to let it grow: the roots of its full subtrees, the largest first."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def add(self, leaf: bytes) -> "Frontier":
        """The frontier after one more leaf, given as its leaf hash."""
        peaks, size = self.peaks, self.size
        while size & 1:
            leaf, peaks, size = node_hash(peaks[-1], leaf), peaks[:-1], size >> 1
        return Frontier(self.size + 1, (*peaks, leaf))

    @property
    def root(self) -> bytes:
        """The root of the tree."""
        if not self.peaks:
            return EMPTY
        found = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            found = node_hash(peak, found)
        return found


@dataclass(frozen=True, slots=True)
class Tree:
    """A whole tree in memory; ``rows[k][i]`` is the root of the full subtree over leaves ``i * 2**k`` onwards."""

    rows: tuple[tuple[bytes, ...], ...]

    @property
    def size(self) -> int:
        """The number of leaves."""
        return len(self.rows[0])

    def root(self, size: int | None = None) -> bytes:
        """The root of the first ``size`` leaves: of all of them when none is given."""
        upto = self.size if size is None else size
        return self._root(0, upto) if upto else EMPTY

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """PATH(index, D[size]): the proof that leaf ``index`` is in the tree of the first ``size`` leaves."""
        low, high, proof = 0, size, []
        while high - low > 1:
            middle = low + _split(high - low)
            if index < middle:
                proof.append(self._root(middle, high))
                high = middle
            else:
                proof.append(self._root(low, middle))
                low = middle
        return proof[::-1]

    def consistency(self, old: int, size: int) -> list[bytes]:
        """PROOF(old, D[size]): the proof that the first ``old`` leaves are those of an earlier tree."""
        low, high, proof = 0, size, []
        while high - low > 1 and old < high:
            middle = low + _split(high - low)
            if old <= middle:
                proof.append(self._root(middle, high))
                high = middle
            else:
                proof.append(self._root(low, middle))
                low = middle
        # An earlier tree that is a whole left part is known to whoever asks; otherwise its last part begins the proof.
        return ([] if low == 0 else [self._root(low, high)]) + proof[::-1]

    def _root(self, low: int, high: int) -> bytes:
        width = high - low
        if width & (width - 1) == 0:
            return self.rows[width.bit_length() - 1][low // width]
        middle = low + _split(width)
        return node_hash(self._root(low, middle), self._root(middle, high))


def tree_of(leaves: Iterable[bytes]) -> Tree:
    """The tree over leaf hashes, in order."""
    rows = [tuple(leaves)]
    while len(rows[-1]) > 1:
        row = rows[-1]
        rows.append(tuple(node_hash(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)))
    return Tree(tuple(rows))


def _split(width: int) -> int:
    """The largest power of two smaller than ``width``, which is at least 2."""
    return 1 << ((width - 1).bit_length() - 1)


def included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether ``proof`` shows that ``leaf`` is at ``index`` in the tree of this size and root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf
    for other in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(other, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, other)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def consistent(old: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether ``proof`` shows that the tree of ``size`` begins with that of ``old`` (RFC 9162, 2.1.4.2)."""
    if not 0 <= old <= size:
        return False
    if old in {0, size}:
        return not proof and old_root == (root if old else EMPTY)
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    return bool(path) and _grown(old, size, path) == (old_root, root)


def _grown(old: int, size: int, path: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """The earlier and the later root that a consistency path leads to; ``None`` when its length cannot be right."""
    place, last = old - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = path[0]
    for other in path[1:]:
        if last == 0:
            return None
        if place & 1 or place == last:
            before, after = node_hash(other, before), node_hash(other, after)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, other)
        place, last = place >> 1, last >> 1
    return (before, after) if last == 0 else None
