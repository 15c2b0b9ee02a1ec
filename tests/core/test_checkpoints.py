"""A checkpoint has one spelling, says who signed it, and no changed letter of it passes."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from service.core import checkpoints
from service.core.checkpoints import Checkpoint, NoCheckpoint, NotSigned
from service.core.errors import Rejection

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
SAID = Checkpoint("tree.invalid/log", 7, bytes(range(32)))
PUBLIC = checkpoints.public_key(SAID.origin, KEY)
NOTE = checkpoints.sign(SAID.text, SAID.origin, KEY)


def test_its_form_is_that_of_a_signed_note():
    lines = NOTE.split("\n")
    assert lines[:4] == ["tree.invalid/log", "7", base64.b64encode(bytes(range(32))).decode(), ""]
    assert lines[4].startswith("— tree.invalid/log ")
    stamp = base64.b64decode(lines[4].split(" ")[2])
    assert (stamp[:4], len(stamp)) == (PUBLIC.id, 68)
    KEY.public_key().verify(stamp[4:], "\n".join(lines[:3]).encode() + b"\n")
    assert lines[5:] == [""]


def test_a_published_key_of_the_form_is_read_with_its_id():
    """The key of the specification's own example: its id was computed by somebody else."""
    published = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    key = checkpoints.read_key(published)
    assert (key.name, key.id.hex()) == ("PeterNeumann", "c74f20a3")
    note = (
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    )
    assert checkpoints.opened(note, key).startswith("If you think")


def test_what_is_signed_is_read_again():
    assert checkpoints.trusted(NOTE, PUBLIC) == SAID
    assert checkpoints.read_key(PUBLIC.text) == PUBLIC


def test_other_peoples_signatures_beside_ours_are_left_alone():
    more = NOTE + "— witness.invalid " + base64.b64encode(b"w" * 76).decode() + "\n"
    assert checkpoints.trusted(more, PUBLIC) == SAID


@pytest.mark.parametrize(
    "note",
    [
        checkpoints.sign(SAID.text, SAID.origin, OTHER),
        checkpoints.sign(SAID.text, "another", KEY),
        checkpoints.sign(Checkpoint("another", 7, SAID.root).text, "another", KEY),
        checkpoints.sign(Checkpoint("another", 7, SAID.root).text, SAID.origin, KEY),
        NOTE.replace("\n7\n", "\n8\n"),
    ],
    ids=["another key", "another name", "another log", "of another log", "another size"],
)
def test_what_another_signed_or_changed_is_not_trusted(note):
    with pytest.raises(NotSigned):
        checkpoints.trusted(note, PUBLIC)


@pytest.mark.parametrize("note", ["", "\n", NOTE.replace("\n\n", "\n"), NOTE.replace("\n7\n", "\n07\n"),
    NOTE.replace("\n7\n", "\n-7\n"), NOTE.replace("\n\n", "\nmore\n\n"), NOTE.replace("\n", "\r\n"), NOTE[:-1],
    NOTE.replace("— ", "- "), NOTE.replace("\n7\n", "\n٧\n")])  # fmt: skip
def test_what_is_no_checkpoint_is_refused(note):
    with pytest.raises(NoCheckpoint):
        checkpoints.read(note)


@given(st.integers(0, len(NOTE.encode()) - 1), st.integers(0, 7))
def test_no_changed_bit_passes(where, bit):
    changed = bytearray(NOTE.encode())
    changed[where] ^= 1 << bit
    with pytest.raises((Rejection, UnicodeDecodeError)):
        checkpoints.trusted(changed.decode(), PUBLIC)


@given(st.integers(0, len(PUBLIC.text) - 1), st.integers(0, 6))
def test_a_key_with_a_changed_letter_is_not_read(where, bit):
    changed = bytearray(PUBLIC.text.encode())
    changed[where] ^= 1 << bit
    with pytest.raises((NoCheckpoint, UnicodeDecodeError)):
        checkpoints.read_key(changed.decode())
