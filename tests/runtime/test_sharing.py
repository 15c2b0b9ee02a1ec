"""Sharing out work: only by those who may, only to those who could do it, with a reason that is kept as a record."""

import json

import pytest
from sqlalchemy import func, select

from service.core import chain
from service.core.commands import SaveDraft
from service.core.errors import (
    BrokenRule,
    FormRefused,
    KeyMissing,
    KeyReused,
    NotAllowed,
    NotFound,
    TaskClosed,
    TaskHeld,
)
from service.store import instances, people, queries, tending
from service.store.tables import answer_draft, outbox, record, step
from story import COMPLETE, GRANT, begin, key


def decide(service, who):
    done, task = begin(service, who)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    with service.read() as db:
        (found,) = queries.tasks(db, who("ben"), which="groups")
    return done, found.id


def row(service, who, task):
    with service.read() as db:
        return queries.visible_task(db, who("ann"), task)


def test_a_lead_gives_a_task_to_somebody_of_its_group_and_the_reason_is_a_record(service, who):
    done, task = decide(service, who)
    service.sharing.assign(who("ann"), task, "bea", "Ben is away this week.", key())
    found = row(service, who, task)
    assert (found.assignee, found.owner) == ("bea", None)
    with pytest.raises(TaskHeld):
        service.handler.complete(who("ben"), task, GRANT, key())
    with service.read() as db:
        last = instances.steps_of(db, done.instance_id)[-1]
        kept = db.execute(select(record).where(record.c.seq == last.seq)).one()
        of_bea = (outbox.c.recipient == "bea", outbox.c.seq == last.seq)
        letters = list(db.execute(select(outbox.c.subject).where(*of_bea)))
        read = people.records(db, service.definitions.current(db), who("ann"), done.instance_id)
    assert last.command["record"] == chain.record_hash(kept.salt, json.loads(kept.answers))
    assert "away" not in str((last.command, last.events))
    assert "away" in kept.answers
    assert [letter.subject for letter in letters] == [
        f"{done.code}: Decide the application – this task has been given to you"
    ]
    assert [r.form for r in read][-1] == "_reason", "the class “reason” is read by the roles that list it"


@pytest.mark.parametrize(("actor", "to"), [("ben", "bea"), ("una", "ben"), ("aud", "ben")])
def test_who_does_a_task_is_said_only_by_roles_that_assign_it(service, who, actor, to):
    _, task = decide(service, who)
    with pytest.raises((NotAllowed, NotFound)):
        service.sharing.assign(who(actor), task, to, "Because.", key())
    assert row(service, who, task).assignee is None


@pytest.mark.parametrize("to", ["ann", "una", "nobody", ""])
def test_a_task_is_given_only_to_who_could_do_it(service, who, to):
    _, task = decide(service, who)
    with pytest.raises(BrokenRule):
        service.sharing.assign(who("ann"), task, to, "Because.", key())


@pytest.mark.parametrize("reason", ["", "   ", "a\x00b", "x" * 2001, "turn\u202eed"])
def test_a_reason_must_be_one(service, who, reason):
    _, task = decide(service, who)
    with pytest.raises(FormRefused) as refused:
        service.sharing.assign(who("ann"), task, "bea", reason, key())
    assert [p.field for p in refused.value.problems] == ["reason"]
    assert row(service, who, task).assignee is None


def test_a_delegated_task_comes_back(service, who):
    _, task = decide(service, who)
    service.handler.claim(who("ben"), task, key())
    service.sharing.delegate(who("ben"), task, "bea", "I am on leave.", key())
    assert (row(service, who, task).assignee, row(service, who, task).owner) == ("bea", "ben")
    service.handler.release(who("bea"), task, key())
    assert (row(service, who, task).assignee, row(service, who, task).owner) == ("ben", None)
    service.sharing.delegate(who("ben"), task, "bea", "Again.", key())
    service.handler.claim(who("ben"), task, key())
    assert row(service, who, task).assignee == "ben"
    with pytest.raises(TaskHeld):
        service.sharing.delegate(who("bea"), task, "ben", "Not mine.", key())


def test_giving_out_a_task_twice_with_one_key_is_one_step(service, who):
    _, task = decide(service, who)
    once = key()
    first = service.sharing.assign(who("ann"), task, "bea", "Because.", once)
    again = service.sharing.assign(who("ann"), task, "bea", "Because.", once)
    assert (again.seq, again.replayed) == (first.seq, True)
    with pytest.raises(KeyReused):
        service.sharing.assign(who("ann"), task, "ben", "Because.", once)
    for missing in ("", "k" * 65):
        with pytest.raises(KeyMissing):
            service.sharing.assign(who("ann"), task, "ben", "Because.", missing)


def test_a_draft_is_the_persons_own_and_leaves_no_step(service, who):
    done, task = decide(service, who)
    with service.read() as db:
        before = db.execute(select(func.count()).select_from(step)).scalar_one()
    service.sharing.save_draft(who("ben"), SaveDraft(task, {"reasons": "half a th"}))
    service.sharing.save_draft(who("ben"), SaveDraft(task, {"reasons": "half a thought", "decision": ""}))
    with service.read() as db:
        assert tending.draft_of(db, "ben", task)[0] == {"reasons": "half a thought", "decision": ""}
        assert tending.draft_of(db, "bea", task) is None
        assert db.execute(select(func.count()).select_from(step)).scalar_one() == before
    service.handler.complete(who("ben"), task, GRANT, key())
    with service.read() as db:
        assert db.execute(select(func.count()).select_from(answer_draft)).scalar_one() == 0
    with pytest.raises(TaskClosed):
        service.sharing.save_draft(who("ben"), SaveDraft(task, {}))
    assert done.code


def test_a_draft_of_another_groups_task_or_with_what_cannot_be_shown_is_refused(service, who):
    _, task = decide(service, who)
    with pytest.raises(NotFound):
        service.sharing.save_draft(who("una"), SaveDraft(task, {}))
    for hostile in ({"typename": "x"}, {"reasons": "a\x00"}, {"a": [1] * 300}, {"a": {"self": 1}}):
        with pytest.raises(BrokenRule):
            service.sharing.save_draft(who("ben"), SaveDraft(task, hostile))
    with service.read() as db:
        assert tending.draft_of(db, "ben", task) is None


def test_a_draft_is_thrown_away(service, who):
    _, task = decide(service, who)
    service.sharing.save_draft(who("ben"), SaveDraft(task, {"reasons": "x"}))
    service.sharing.drop_draft(who("bea"), task)
    service.sharing.drop_draft(who("ben"), task)
    with service.read() as db:
        assert tending.draft_of(db, "ben", task) is None
