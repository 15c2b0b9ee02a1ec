"""Whatever is changed in a step's own row, reading the history still answers: broken, and at which step."""

import random
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from service.runtime import history
from service.store.instances import step_from
from service.store.tables import step
from story import COMPLETE, begin, key

TEXTS = ("command", "events", "actor", "definition_hash", "state_hash", "prev_hash", "hash")
TIMES = 40


@pytest.fixture
def rows(service, who):
    """The rows of a history as a database whose guard was switched off might hold them."""
    done, task = begin(service, who)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    with service.read() as db:
        wanted = select(step).where(step.c.instance_id == done.instance_id).order_by(step.c.seq)
        return [dict(row._mapping) for row in db.execute(wanted)]


def verdict(service, rows, seq: int = 0, **changed: object) -> tuple[str, int | None]:
    spoilt = [row | changed if row["seq"] == seq else row for row in rows]
    found = history.verdict(service.definitions.get, [step_from(SimpleNamespace(**row)) for row in spoilt])
    return found.kind, found.at_seq


@pytest.mark.parametrize("column", TEXTS)
def test_a_changed_character_is_caught_at_its_step(service, rows, column):
    chance = random.Random(column)
    assert verdict(service, rows) == ("equal", None)
    for _ in range(TIMES):
        row = chance.choice(rows)
        at = chance.randrange(len(row[column]))
        spoilt = row[column][:at] + chr(ord(row[column][at]) ^ 1) + row[column][at + 1 :]
        assert verdict(service, rows, row["seq"], **{column: spoilt}) == ("broken", row["seq"]), f"character {at}"


def test_an_instant_moved_by_a_microsecond_is_caught(service, rows):
    later = rows[1]["at"] + timedelta(microseconds=1)
    assert verdict(service, rows, 2, at=later) == ("broken", 2)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", '"x"', "[[]]", "[7]", "{}", "NaN", "[" * 2000], ids=len)
@pytest.mark.parametrize("column", ["command", "events"])
def test_what_is_no_longer_a_step_at_all_is_caught_too(service, rows, column, text):
    assert verdict(service, rows, 2, **{column: text}) == ("broken", 2)
