"""One use case is one transaction: all of it or nothing, once however often it is sent, whoever else is writing."""

import threading
from uuid import uuid4

import pytest
from sqlalchemy import event, func, select

from service.core import chain
from service.core.errors import (
    FormRefused,
    KeyReused,
    NotAllowed,
    NotFound,
    NotWaiting,
    StateDamaged,
    TaskClosed,
    TaskHeld,
)
from service.store import instances, queries, tending
from service.store.tables import metadata, outbox, process_instance, record, step, user_task
from service.store.transaction import transaction
from story import APPLICATION, COMPLETE, GRANT, begin, key


def counts(service) -> dict[str, int]:
    with service.read() as db:
        return {t.name: db.execute(select(func.count()).select_from(t)).scalar_one() for t in metadata.sorted_tables}


def test_a_case_goes_from_start_to_end(service, who):
    done, task = begin(service, who)
    assert done.code == "TREE-2013-001"
    service.handler.complete(who("ann"), task, COMPLETE, key())
    with service.read() as db:
        (decide,) = queries.tasks(db, who("ben"), which="groups")
    service.handler.complete(who("ben"), decide.id, GRANT, key())
    with service.read() as db:
        case = queries.case(db, who("ann"), done.code)
        steps = instances.steps_of(db, done.instance_id)
        answers = list(db.execute(select(record.c.answers, record.c.salt, record.c.hash).order_by(record.c.seq)))
    assert (case.status, case.outcome_name) == ("ended", "Granted")
    assert chain.verify(steps) == 3
    assert [s.command["record"] for s in steps] == [a.hash for a in answers]
    assert "unsafe" not in str([(s.command, s.events) for s in steps]), "what people write is not in the chain"


def test_the_same_request_twice_has_one_effect_and_one_answer(service, who):
    _, task = begin(service, who)
    once = key()
    first = service.handler.complete(who("ann"), task, COMPLETE, once)
    before = counts(service)
    again = service.handler.complete(who("ann"), task, COMPLETE, once)
    assert (again.replayed, again.seq, again.opened) == (True, first.seq, first.opened)
    assert counts(service) == before


def test_a_key_used_for_something_else_is_refused(service, who):
    _, task = begin(service, who)
    once = key()
    service.handler.claim(who("ann"), task, once)
    with pytest.raises(KeyReused):
        service.handler.complete(who("ann"), task, COMPLETE, once)


def test_two_people_one_task_one_wins_and_one_is_told(service, who):
    _, task = begin(service, who)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    with service.read() as db:
        (decide,) = queries.tasks(db, who("ben"), which="groups")
    people = [who("ben"), who("bea")]
    told: list[object] = []
    ready = threading.Barrier(2)

    def try_it(actor):
        ready.wait()
        try:
            told.append(service.handler.complete(actor, decide.id, GRANT, key()).seq)
        except TaskClosed as closed:
            told.append(closed.closed_by)

    threads = [threading.Thread(target=try_it, args=(p,)) for p in people]
    [t.start() for t in threads]
    [t.join() for t in threads]
    seqs = [t for t in told if isinstance(t, int)]
    losers = [t for t in told if not isinstance(t, int)]
    assert (seqs, len(losers)) == ([3], 1)
    with service.read() as db:
        assert db.execute(select(user_task.c.closed_by).where(user_task.c.id == decide.id)).scalar_one() == losers[0]


def test_nothing_of_a_refused_form_is_kept(service, who):
    _, task = begin(service, who)
    before = counts(service)
    with pytest.raises(FormRefused):
        service.handler.complete(who("ann"), task, {**COMPLETE, "approved_by": "me"}, key())
    assert counts(service) == before


def test_people_meet_only_what_is_theirs(service, who):
    _, task = begin(service, who)
    with pytest.raises(NotFound):
        service.handler.complete(who("ben"), task, COMPLETE, key())
    with pytest.raises(NotFound):
        service.handler.complete(who("ann"), str(uuid4()), COMPLETE, key())
    with pytest.raises(NotAllowed):
        service.handler.start(who("ben"), "application_received", APPLICATION, key())


def test_a_claimed_task_is_for_the_one_who_claimed_it(service, who):
    _, task = begin(service, who)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    with service.read() as db:
        (decide,) = queries.tasks(db, who("ben"), which="groups")
    service.handler.claim(who("ben"), decide.id, key())
    with pytest.raises(TaskHeld):
        service.handler.complete(who("bea"), decide.id, GRANT, key())
    service.handler.release(who("ben"), decide.id, key())
    service.handler.complete(who("bea"), decide.id, GRANT, key())


def test_a_message_reaches_only_its_case_and_only_while_it_waits(service, who):
    done, task = begin(service, who)
    other, _ = begin(service, who)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    more = {"extended_to": "2013-09-01", "reason": "A survey is needed."}
    with service.read() as db:
        question = service.definitions.current(db).forms["more_time"]["components"]
    raw = {
        c["key"]: more.get(c["key"], "2013-09-01" if c["type"] == "datetime" else more["reason"])
        for c in question
        if "key" in c
    }
    service.handler.send(who("ben"), done.instance_id, "more_time_allowed", raw, key())
    with service.read() as db:
        assert [c.extensions for c in queries.clocks(db, done.instance_id)] == [1]
        assert len(instances.steps_of(db, other.instance_id)) == 1
    with pytest.raises(NotWaiting):
        service.handler.send(who("ann"), done.instance_id, "application_received", APPLICATION, key())


def test_late_completion_meets_the_world_in_which_the_date_has_passed(service, who, clock):
    done, task = begin(service, who)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    with service.read() as db:
        (decide,) = queries.tasks(db, who("ben"), which="groups")
    clock.to("2013-07-11T15:00")
    service.handler.complete(who("ben"), decide.id, GRANT, key())
    with service.read() as db:
        (limit,) = queries.clocks(db, done.instance_id)
        open_now = [t.element_id for t in queries.tasks(db, who("ben"), which="groups")]
    assert limit.breached_at.isoformat() == "2013-06-29T22:59:59+00:00"
    assert (limit.met_in_time, open_now) == (False, ["late_reason"])


def test_a_crash_at_any_statement_leaves_all_or_nothing(service, who):
    """A listener raises at statement 1, 2, 3 … of completing a task, until one attempt gets through."""
    _, task = begin(service, who)
    actor, before, crashes = who("ann"), counts(service), 0

    class Crash(Exception):
        pass

    for allowed in range(200):
        left = [allowed]

        def maybe(*_args: object, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Crash

        event.listen(service.store.writers, "before_cursor_execute", maybe)
        try:
            service.handler.complete(actor, task, COMPLETE, "the same key")
            break
        except Crash:
            crashes += 1
        finally:
            event.remove(service.store.writers, "before_cursor_execute", maybe)
        assert counts(service) == before
    assert crashes > 8
    after = counts(service)
    assert (after["step"], after["record"]) == (before["step"] + 1, before["record"] + 1)


def test_a_changed_state_is_never_loaded(service, who):
    done, task = begin(service, who)
    with transaction(service.store) as db:
        state = queries.state(db, done.instance_id).decode().replace("felling", "pruning")
        db.execute(process_instance.update().values(state=state))
    with pytest.raises(StateDamaged):
        service.handler.complete(who("ann"), task, COMPLETE, key())


def test_steps_cannot_fork(service, who):
    """Even without the lock, the database refuses a second step on the same one before."""
    done, _ = begin(service, who)
    with service.read() as db:
        (kept,) = instances.steps_of(db, done.instance_id)
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"), transaction(service.store) as db:
        instances.append(db, kept)


def test_letters_carry_a_code_and_a_task_and_nothing_else(service, who, post, clock):
    _, task = begin(service, who)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    clock.to("2013-07-01T09:00")
    assert service.sweeper.sweep() == 1
    service.sweeper.post()
    text = "\n".join(f"{m['To']} {m['Subject']}\n{m.get_content()}" for m in post.sent)
    assert "ben@example.invalid TREE-2013-001: Decide the application – a new task for you" in text
    assert "the date 29 June 2013 has passed" in text
    assert "Oak" not in text
    reminders = [m for m in post.sent if "due 29 June 2013" in m["Subject"]]
    assert len(reminders) == 2, "two missed reminders about one limit became one letter to each officer"
    assert service.sweeper.post() == 0


def test_a_letter_that_cannot_be_sent_waits(service, who, post):
    _, task = begin(service, who)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    post.fails = True
    assert service.sweeper.post() == 0
    post.fails = False
    assert service.sweeper.post() > 0
    with service.read() as db:
        assert db.execute(select(func.count()).where(outbox.c.sent_at.is_(None))).scalar_one() == 0


def test_one_broken_case_does_not_stop_the_others(service, who, clock):
    broken, first = begin(service, who)
    fine, second = begin(service, who)
    for task in (first, second):
        service.handler.complete(who("ann"), task, COMPLETE, key())
    with transaction(service.store) as db:
        db.execute(process_instance.update().where(process_instance.c.id == broken.instance_id).values(state="{}"))
    clock.to("2013-07-01T09:00")
    assert service.sweeper.sweep() == 1
    with service.read() as db:
        assert [i.code for i in tending.incidents(db, who("opa"))] == [broken.code]
        assert db.execute(select(func.max(step.c.seq)).where(step.c.instance_id == fine.instance_id)).scalar_one() == 3
