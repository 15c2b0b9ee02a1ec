"""Whatever is changed in a step's own row, reading the history still answers: broken, and at which step."""

import random
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from service.runtime import history
from service.store import instances
from service.store.tables import step
from service.store.transaction import transaction
from story import COMPLETE, begin, key

TEXTS = ("command", "events", "actor", "definition_hash", "state_hash", "prev_hash", "hash")
TIMES = 12


def verdict(service, instance_id):
    with service.read() as db:
        return history.verdict(service.definitions.get, instances.steps_of(db, instance_id))


@pytest.fixture
def case(service, who):
    done, task = begin(service, who)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    return done.instance_id


@pytest.mark.parametrize("column", TEXTS)
def test_a_changed_character_is_caught_at_its_step(service, case, column):
    chance = random.Random(column)
    for _ in range(TIMES):
        this = (step.c.instance_id == case, step.c.seq == chance.randint(1, 2))
        with transaction(service.store) as db:
            whole = db.execute(select(step.c[column]).where(*this)).scalar_one()
            at = chance.randrange(len(whole))
            spoilt = whole[:at] + chr(ord(whole[at]) ^ 1) + whole[at + 1 :]
            db.execute(update(step).where(*this).values({column: spoilt}))
        found = verdict(service, case)
        assert (found.kind, found.at_seq) == ("broken", this[1].right.value), f"{column}, character {at}: {found}"
        with transaction(service.store) as db:
            db.execute(update(step).where(*this).values({column: whole}))
    assert verdict(service, case).kind == "equal"


def test_an_instant_moved_by_a_microsecond_is_caught(service, case):
    with transaction(service.store) as db:
        at = db.execute(select(step.c.at).where(step.c.seq == 2)).scalar_one()
        db.execute(update(step).where(step.c.seq == 2).values(at=at + timedelta(microseconds=1)))
    assert verdict(service, case).at_seq == 2


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", '"x"', "[[]]", "[7]", "{}", "NaN", "[" * 2000])
@pytest.mark.parametrize("column", ["command", "events"])
def test_what_is_no_longer_a_step_at_all_is_caught_too(service, case, column, text):
    with transaction(service.store) as db:
        db.execute(update(step).where(step.c.seq == 2).values({column: text}))
    found = verdict(service, case)
    assert (found.kind, found.at_seq) == ("broken", 2)
