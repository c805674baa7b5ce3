"""The Merkle tree of RFC 6962: known values, and what must hold for every tree."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.domain.evidence.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    perfect_root,
    root,
    verify_consistency,
    verify_inclusion,
)

# The sample tree that implementations of RFC 6962 test themselves with.
ENTRIES = [
    bytes.fromhex(octets)
    for octets in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
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
SIZES = st.integers(1, 70)


class Tree:
    """A tree in memory, by the definition of RFC 6962 2.1."""

    def __init__(self, entries: list[bytes]) -> None:
        self.hashes = [leaf_hash(entry) for entry in entries]

    def node(self, level: int, number: int) -> bytes:
        return perfect_root(self.hashes[number << level : (number + 1) << level])

    def root(self, size: int) -> bytes:
        return self._root(self.hashes[:size])

    def _root(self, hashes: list[bytes]) -> bytes:
        if len(hashes) < 2:
            return hashes[0] if hashes else sha256().digest()
        middle = 1
        while middle * 2 < len(hashes):
            middle *= 2
        return node_hash(self._root(hashes[:middle]), self._root(hashes[middle:]))


def tree(size: int) -> Tree:
    return Tree([b"%d" % number for number in range(size)])


@pytest.mark.parametrize("size", range(9))
def test_roots_of_the_sample_tree(size: int) -> None:
    sample = Tree(ENTRIES)
    frontier = Frontier()
    for hashed in sample.hashes[:size]:
        frontier.append(hashed)
    assert root(size, sample.node).hex() == ROOTS[size]
    assert frontier.root().hex() == ROOTS[size]
    assert frontier.size == size


def test_proofs_of_the_sample_tree() -> None:
    """RFC 6962 2.1.3 names the nodes of these proofs in a tree of seven."""
    sample = Tree(ENTRIES[:7])
    a, b, c, d, e, f, j = sample.hashes
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k = node_hash(g, h)
    left = node_hash(i, j)
    assert inclusion_proof(0, 7, sample.node) == [b, h, left]
    assert inclusion_proof(3, 7, sample.node) == [c, g, left]
    assert inclusion_proof(4, 7, sample.node) == [f, j, k]
    assert inclusion_proof(6, 7, sample.node) == [i, k]
    assert consistency_proof(3, 7, sample.node) == [c, d, g, left]
    assert consistency_proof(4, 7, sample.node) == [left]
    assert consistency_proof(6, 7, sample.node) == [i, j, k]


@given(SIZES)
def test_roots_by_subtrees_and_by_appending_are_those_of_the_definition(size: int) -> None:
    made = tree(size)
    frontier = Frontier()
    for hashed in made.hashes:
        frontier.append(hashed)
    assert root(size, made.node) == frontier.root() == made.root(size)


@given(SIZES, st.data())
def test_every_entry_is_proved_and_nothing_else_is(size: int, data: st.DataObject) -> None:
    made = tree(size)
    index = data.draw(st.integers(0, size - 1))
    proof, expected = inclusion_proof(index, size, made.node), made.root(size)
    leaf = made.hashes[index]
    assert verify_inclusion(leaf, index, size, proof, expected)
    assert not verify_inclusion(leaf_hash(b"other"), index, size, proof, expected)
    assert not verify_inclusion(leaf, index, size, [*proof, bytes(32)], expected)
    assert not verify_inclusion(leaf, index, size, proof, bytes(32))
    assert not verify_inclusion(leaf, size, size, proof, expected)
    assert not verify_inclusion(leaf, -1, size, proof, expected)
    if proof:
        assert not verify_inclusion(leaf, index, size, proof[:-1], expected)
        assert not verify_inclusion(leaf, index, size, [bytes(32), *proof[1:]], expected)


@given(SIZES, st.data())
def test_proof_does_not_show_another_place(size: int, data: st.DataObject) -> None:
    made = tree(size)
    index, other = (data.draw(st.integers(0, size - 1)) for _ in range(2))
    assume(index != other)
    proof = inclusion_proof(index, size, made.node)
    assert not verify_inclusion(made.hashes[index], other, size, proof, made.root(size))


@given(SIZES, st.data())
def test_every_tree_is_consistent_with_its_beginnings_and_with_nothing_else(
    size: int, data: st.DataObject
) -> None:
    made = tree(size)
    old = data.draw(st.integers(0, size))
    proof, before, after = consistency_proof(old, size, made.node), made.root(old), made.root(size)
    assert verify_consistency(old, before, size, after, proof)
    assert not verify_consistency(old, before, size, after, [*proof, bytes(32)])
    assert not verify_consistency(size + 1, before, size, after, proof)
    assert not verify_consistency(old, bytes(32), size, after, proof)
    if old:
        assert not verify_consistency(old, before, size, bytes(32), proof)
    if proof:
        assert not verify_consistency(old, before, size, after, proof[1:])
        assert not verify_consistency(old, before, size, after, [*proof[:-1], bytes(32)])


@given(st.integers(2, 70), st.data())
def test_changed_beginning_shows(size: int, data: st.DataObject) -> None:
    made, forged = tree(size), tree(size)
    old = data.draw(st.integers(1, size - 1))
    forged.hashes[data.draw(st.integers(0, old - 1))] = leaf_hash(b"forged")
    proof = consistency_proof(old, size, forged.node)
    assert not verify_consistency(old, made.root(old), size, forged.root(size), proof)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_entry_that_is_not_there_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_proof(index, size, tree(3).node)


@pytest.mark.parametrize(("old", "new"), [(-1, 3), (4, 3)])
def test_sizes_in_the_wrong_order_have_no_proof(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="not the beginning"):
        consistency_proof(old, new, tree(4).node)


def test_empty_tree_begins_every_tree() -> None:
    assert EMPTY_ROOT.hex() == ROOTS[0]
    assert verify_consistency(0, EMPTY_ROOT, 3, tree(3).root(3), [])
    assert not verify_consistency(0, bytes(32), 3, tree(3).root(3), [])
