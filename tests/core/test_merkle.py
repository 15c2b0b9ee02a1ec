"""The tree is RFC 6962's: its known roots, every proof of every size to 300, and nothing that was changed passes."""

import hashlib
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.merkle import EMPTY, Frontier, Tree, consistent, included, leaf_hash, node_hash, tree_of

MOST = 300
# The inputs and roots by which implementations of RFC 6962 are compared with each other.
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf_hash(hashlib.sha256(str(n).encode()).digest()) for n in range(MOST)]


@cache
def tree() -> Tree:
    return tree_of(LEAVES)


@cache
def root(size: int) -> bytes:
    return tree().root(size)


def by_the_book(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, word for word."""
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(by_the_book(leaves[:split]), by_the_book(leaves[split:]))


@pytest.mark.parametrize("size", range(9))
def test_known_roots(size):
    leaves = [leaf_hash(bytes.fromhex(text)) for text in INPUTS[:size]]
    assert tree_of(leaves).root().hex() == ROOTS[size]
    assert tree_of([leaf_hash(bytes.fromhex(text)) for text in INPUTS]).root(size).hex() == ROOTS[size]


def test_leaf_and_node_are_told_apart_by_their_first_byte():
    left, right = b"l" * 32, b"r" * 32
    assert leaf_hash(left) == hashlib.sha256(b"\x00" + left).digest()
    assert node_hash(left, right) == hashlib.sha256(b"\x01" + left + right).digest()


def test_tree_and_frontier_agree_with_the_book_at_every_size():
    grown = Frontier()
    for size in range(MOST):
        assert grown.root == root(size) == by_the_book(LEAVES[:size])
        assert len(grown.peaks) == size.bit_count()
        grown = grown.add(LEAVES[size])


def test_every_inclusion_proof_verifies():
    for size in range(1, MOST + 1):
        for index in range(size):
            assert included(LEAVES[index], index, size, tree().inclusion(index, size), root(size)), (index, size)


def test_every_consistency_proof_verifies():
    for size in range(MOST + 1):
        for old in range(size + 1):
            proof = tree().consistency(old, size) if old else []
            assert consistent(old, size, root(old), root(size), proof), (old, size)


SIZES = st.integers(1, MOST).flatmap(lambda size: st.tuples(st.integers(0, size - 1), st.just(size)))


def flipped(proof: list[bytes], where: int, bit: int) -> list[bytes]:
    part, place = divmod(where % (32 * len(proof)), 32)
    changed = bytearray(proof[part])
    changed[place] ^= bit
    return [*proof[:part], bytes(changed), *proof[part + 1 :]]


@given(SIZES, st.integers(0, 2**16), st.integers(0, 7))
def test_a_changed_inclusion_proof_fails(place, where, bit):
    index, size = place
    everything = [LEAVES[index], *tree().inclusion(index, size), root(size)]
    leaf, *proof, at = flipped(everything, where, 1 << bit)
    assert not included(leaf, index, size, proof, at)


@given(SIZES, st.integers(0, 2**16), st.integers(0, 7))
def test_a_changed_consistency_proof_fails(place, where, bit):
    old, size = place[0] + 1, place[1]
    everything = [root(old), *tree().consistency(old, size), root(size)]
    before, *proof, after = flipped(everything, where, 1 << bit)
    assert not consistent(old, size, before, after, proof)


@settings(max_examples=300)
@given(SIZES, SIZES, st.integers(-3, 3))
def test_a_proof_of_one_place_is_none_of_another(one, other, more):
    (index, size), (index2, size2) = one, other
    proof = tree().inclusion(index, size)
    if (index, size) != (index2, size2):
        assert not included(LEAVES[index], index2, size2, proof, root(size2))
    assert not included(LEAVES[index], index, size, [*proof, EMPTY], root(size))
    assert not proof or not included(LEAVES[index], index, size, proof[:-1], root(size))
    assert not included(LEAVES[index], size + abs(more), size, proof, root(size))


@given(SIZES, SIZES)
def test_a_consistency_proof_is_good_for_its_two_sizes_only(one, other):
    old, size = one[0] + 1, one[1]
    old2, size2 = other[0] + 1, other[1]
    proof = tree().consistency(old, size)
    if (old, size) != (old2, size2) and not (old == size and old2 == size2):
        assert not consistent(old2, size2, root(old2), root(size2), proof) or tree().consistency(old2, size2) == proof
    assert not consistent(old, size, root(old), root(size), [*proof, EMPTY])
    assert not consistent(size + 1, size, root(size), root(size), [])
