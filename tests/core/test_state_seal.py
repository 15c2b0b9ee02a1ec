"""A seal fits one state in one place under one key: anything else is refused while it is still bytes."""

import json
from dataclasses import replace

import pytest

from golden_cases import GOLDEN
from service.core.engine import state_form
from service.core.engine.state_form import CURRENT, FIRST, Form
from service.core.engine.state_seal import Seal, StateKeys, Stored
from service.core.errors import StateDamaged

KEYS = StateKeys.of("k" * 40)
WHOLE = 4
PLACE = Stored("case-1", 3, "d" * 64, "h" * 64, str(CURRENT), b"{}")


def small_states() -> list[bytes]:
    every = [
        text.encode()
        for path in sorted((GOLDEN / "states" / "0.1.0").glob("*.json"))
        for text in json.loads(path.read_text(encoding="utf-8"))["states"].values()
    ]
    return sorted(every, key=len)[:50]


def test_any_byte_of_fifty_states_changed_is_refused():
    """Each byte of a few, and each forty-seventh of the others: all of all take a minute and find the same."""
    states = small_states()
    assert len(states) == 50
    tried = refused = 0
    for number, state in enumerate(states):
        seal = KEYS.seal(replace(PLACE, state=state))
        for place in range(0, len(state), 1 if number < WHOLE else 47):
            changed = bytearray(state)
            changed[place] ^= 1 + place % 255
            tried += 1
            try:
                KEYS.check(replace(PLACE, state=bytes(changed)), seal)
            except StateDamaged:
                refused += 1
    assert tried == refused > 10_000


@pytest.mark.parametrize(
    "other",
    [
        {"instance_id": "case-2"}, {"seq": 4}, {"definition_hash": "e" * 64}, {"head_hash": "i" * 64},
        {"form": "1/1.4/3.1.0"}, {"state": b"{} "}, {"state": b""},
        {"instance_id": "case-", "seq": 13}, {"form": f"{CURRENT}{{", "state": b"}"},
    ],
)  # fmt: skip
def test_a_seal_fits_no_other_place(other):
    seal = KEYS.seal(PLACE)
    KEYS.check(PLACE, seal)
    with pytest.raises(StateDamaged, match="not the one that was written"):
        KEYS.check(replace(PLACE, **other), seal)


def test_the_key_before_still_opens_and_never_seals():
    changed = StateKeys.of("n" * 40, "k" * 40)
    changed.check(PLACE, KEYS.seal(PLACE))
    assert changed.seal(PLACE) == StateKeys.of("n" * 40).seal(PLACE) != KEYS.seal(PLACE)


@pytest.mark.parametrize(
    ("seal", "says"),
    [
        (Seal(None, None), "migrate-state"),
        (Seal(KEYS.key_id, None), "migrate-state"),
        (StateKeys.of("x" * 40).seal(PLACE), "CASEWORK_STATE_KEY_PREVIOUS"),
        (Seal(StateKeys.of("x" * 40).key_id, KEYS.seal(PLACE).mac), "CASEWORK_STATE_KEY_PREVIOUS"),
        (Seal(KEYS.key_id, StateKeys.of("x" * 40).seal(PLACE).mac), "not the one that was written"),
        (Seal(KEYS.key_id, ""), "not the one that was written"),
        (Seal(KEYS.key_id, "é" * 64), "not the one that was written"),
    ],
)
def test_a_wrong_seal_says_what_is_wrong(seal, says):
    with pytest.raises(StateDamaged, match=says):
        KEYS.check(PLACE, seal)


def test_a_short_key_is_refused_and_no_key_is_ever_printed():
    with pytest.raises(ValueError, match="at least 32"):
        StateKeys.of("k" * 31)
    assert "k" * 8 not in repr(KEYS)
    assert KEYS.current.hex() not in repr(KEYS)
    assert repr(KEYS.current) not in repr(KEYS)


@pytest.mark.parametrize("text", [str(CURRENT), str(FIRST), f"{CURRENT.envelope}/{CURRENT.serializer}/9.9.9"])
def test_todays_form_is_read_whatever_release_of_the_engine_wrote_it(text):
    state_form.require_current(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1/1.3/3.0.0", "migrate-state"), ("1/1.4/3.1.0", "migrate-state"),
        ("1/1.0/1.1.0", "never read"), ("1/1.1/1.2.0", "never read"), ("1/1.2/2.0.0", "never read"),
        ("9/1.2/3.2.0", "never read"),
        ("1/1.6/3.3.0", "newer release"), ("2/1.5/3.2.0", "newer release"), ("0/1.5/3.2.0", "newer release"),
        ("1/9.9/3.2.0", "newer release"), ("1//", "newer release"), ("1/None/3", "newer release"),
        ("", "newer release"), ("1/1.5", "newer release"), ("x/1.5/3.2.0", "newer release"),
        ("٣/1.5/3.2.0", "newer release"),
    ],
)  # fmt: skip
def test_no_other_form_is_read(text, says):
    with pytest.raises(StateDamaged, match=says):
        state_form.require_current(text)


def test_a_form_survives_being_written_down():
    assert Form.read(str(CURRENT)) == CURRENT
