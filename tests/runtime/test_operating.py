"""Operating cases: on hold, cancelled, corrected; incidents kept, told once, tried again truthfully, resolved."""

from datetime import date

import pytest
from sqlalchemy import select, update

from build import MINI
from service.core.engine.memory import names_seen
from service.core.errors import (
    BrokenRule,
    CaseEnded,
    CaseSuspended,
    FormRefused,
    NotAllowed,
    NotFound,
    NothingToDo,
    StepFailed,
)
from service.core.replay import examine
from service.runtime.bundles import read_folder
from service.store import instances, queries, tending
from service.store.tables import clock as clocks
from service.store.tables import incident, outbox, process_instance
from service.store.transaction import transaction
from story import APPLICATION, COMPLETE, GRANT, begin, key

LATE = "2013-07-01T09:00"


def case_of(service, who, code):
    with service.read() as db:
        return queries.case(db, who("ann"), code)


def deciding(service, who):
    """A case that waits for its decision."""
    done, task = begin(service, who)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    return done


def the_incident(service, who):
    with service.read() as db:
        (found,) = tending.incidents(db, who("opa"))
    return found


def verdict(service, instance_id):
    with service.read() as db:
        steps = instances.steps_of(db, instance_id)
        state = queries.state(db, instance_id)
    return examine(service.definitions.get, steps, state).kind


def test_a_case_on_hold_waits_for_nobody_and_catches_up(service, who, clock):
    done, task = begin(service, who)
    service.operations.suspend(who("ann"), done.code, "The applicant asked us to wait.", key())
    assert case_of(service, who, done.code).status == "suspended"
    with pytest.raises(CaseSuspended):
        service.handler.complete(who("ann"), task, COMPLETE, key())
    clock.to(LATE)
    assert service.sweeper.sweep() == 0, "nothing fires in a case on hold, and it is no incident"
    with service.read() as db:
        assert tending.incidents(db, who("opa")) == []
        assert db.execute(select(clocks.c.breached_at)).scalars().all() in ([], [None])
    service.operations.resume(who("ann"), done.code, "Work goes on.", key())
    assert case_of(service, who, done.code).status == "running"
    service.handler.complete(who("ann"), task, COMPLETE, key())
    assert verdict(service, done.instance_id) == "equal"


def test_a_cancelled_case_is_over(service, who, clock):
    done = deciding(service, who)
    service.operations.cancel(who("ann"), done.code, "Withdrawn.", key())
    found = case_of(service, who, done.code)
    assert (found.status, found.outcome_name) == ("ended", "Cancelled")
    with service.read() as db:
        assert all(t.closed_at for t in queries.case_tasks(db, who("ann"), done.instance_id))
        assert db.execute(select(clocks.c.stopped_at, clocks.c.met_at)).one() == (clock.now, None)
    with pytest.raises(CaseEnded):
        service.operations.suspend(who("ann"), done.code, "Too late.", key())
    clock.to(LATE)
    assert service.sweeper.sweep() == 0
    assert verdict(service, done.instance_id) == "equal"


@pytest.mark.parametrize("verb", ["suspend", "resume", "cancel"])
def test_only_a_role_that_holds_cases_does_so(service, who, verb):
    done, _ = begin(service, who)
    for stranger, told in {"ben": NotAllowed, "una": NotFound, "opa": NotFound}.items():
        with pytest.raises(told):
            getattr(service.operations, verb)(who(stranger), done.code, "Because.", key())
    with pytest.raises(NotFound):
        getattr(service.operations, verb)(who("ann"), "TREE-1999-001", "Because.", key())
    with pytest.raises((FormRefused, NothingToDo)):
        getattr(service.operations, verb)(who("ann"), done.code, " ", key())
    assert case_of(service, who, done.code).status == "running"


def test_a_date_put_right_moves_what_is_computed_from_it(service, who, clock):
    done = deciding(service, who)
    service.operations.correct(who("opa"), done.code, {"received_on": "2013-06-10"}, "Read wrongly.", key())
    with service.read() as db:
        row = db.execute(select(clocks.c.due_at, clocks.c.original_due)).one()
        assert names_seen({}, queries.state(db, done.instance_id), None)["received_on"] == date(2013, 6, 10)
    assert row.due_at > row.original_due
    assert verdict(service, done.instance_id) == "equal"


@pytest.mark.parametrize(
    ("given", "said"),
    [({"received_on": "10 June"}, "date like"), ({"recieved_on": "2013-06-10"}, "no value"), ({"_x": "1"}, "no value")],
)
def test_a_correction_that_cannot_be_is_refused_by_name(service, who, given, said):
    done, _ = begin(service, who)
    with pytest.raises(BrokenRule) as refused:
        service.operations.correct(who("opa"), done.code, given, "Because.", key())
    assert said in refused.value.problems[0].message
    with pytest.raises(NotAllowed):
        service.operations.correct(who("ann"), done.code, {"received_on": "2013-06-10"}, "Because.", key())


def damage(service, code):
    this = process_instance.c.code == code
    with transaction(service.store) as db:
        whole = db.execute(select(process_instance.c.state).where(this)).scalar_one()
        db.execute(update(process_instance).where(this).values(state="{}"))
    return whole


def mend(service, code, whole):
    with transaction(service.store) as db:
        db.execute(update(process_instance).where(process_instance.c.code == code).values(state=whole))


def test_operators_are_told_once_however_often_it_fails(service, who, clock, post):
    done = deciding(service, who)
    damage(service, done.code)
    clock.to(LATE)
    for _ in range(5):
        service.sweeper.sweep()
        clock.pass_by(minutes=16)
    found = the_incident(service, who)
    with service.read() as db:
        told = list(db.execute(select(outbox.c.recipient).where(outbox.c.kind == "incident")).scalars())
    assert found.attempts == 5
    assert told == ["opa"]
    service.sweeper.post()
    (letter,) = [m for m in post.sent if "could not be finished" in m["Subject"]]
    assert found.id in letter["Subject"]
    assert "Oak" not in letter.get_content()


def test_a_failing_case_is_not_tried_more_often_than_every_quarter_of_an_hour(service, who, clock):
    done = deciding(service, who)
    damage(service, done.code)
    clock.to(LATE)
    for _ in range(30):
        service.sweeper.sweep()
        clock.pass_by(minutes=1)
    found = the_incident(service, who)
    assert found.attempts == 2


def test_trying_again_tells_the_truth(service, who, clock):
    done = deciding(service, who)
    whole = damage(service, done.code)
    clock.to(LATE)
    service.sweeper.sweep()
    found = the_incident(service, who)
    again = service.operations.retry(who("opa"), found.id, "Trying.", key())
    assert (again.kind, "still fails" in again.text) == ("failed", True)
    mend(service, done.code, whole)
    again = service.operations.retry(who("opa"), found.id, "Restored from the backup.", key())
    assert again.kind == "resolved"
    with service.read() as db:
        assert tending.incidents(db, who("opa")) == []
        (over,) = tending.incidents(db, who("opa"), closed=True)
        last = instances.steps_of(db, done.instance_id)[-1]
    assert over.resolution == "What was due has been done."
    assert (last.command["type"], last.command["incident"]) == ("ResolveIncident", found.id)
    assert [e["type"] for e in last.events][:1] == ["TimerFired"] or "ReminderFell" in str(last.events)
    assert verdict(service, done.instance_id) == "equal"
    assert service.operations.retry(who("opa"), found.id, "Again.", key()).text == "This was already over."


def test_all_are_tried_and_one_that_still_fails_holds_up_no_other(service, who, clock):
    codes = [deciding(service, who).code for _ in range(3)]
    whole = [damage(service, code) for code in codes]
    clock.to(LATE)
    service.sweeper.sweep()
    for number in (0, 2):
        mend(service, codes[number], whole[number])
    tried = service.operations.retry_all(who("opa"), "All again.")
    assert {t.code: t.kind for t in tried} == dict(zip(codes, ("resolved", "failed", "resolved"), strict=True))


def test_only_operators_try_again_and_a_stranger_learns_nothing(service, who, clock):
    done = deciding(service, who)
    damage(service, done.code)
    clock.to(LATE)
    service.sweeper.sweep()
    found = the_incident(service, who)
    with pytest.raises(NotFound):
        service.operations.retry(who("ann"), found.id, "Because.", key())
    with pytest.raises(NotFound):
        service.operations.retry(who("opa"), "000000000000", "Because.", key())


def deploy_failing(service):
    """A version whose first gateway asks for a value nobody has set: completing the decision fails."""
    files = read_folder(MINI)
    name = "processes/application.bpmn"
    before = files[name]
    files[name] = before.replace('decision == "grant"', 'fee &gt; 3 and decision == "grant"')
    assert files[name] != before
    files["forms/more_time.json"] = files["forms/more_time.json"].replace(
        '"components": [', '"components": [{"type": "number", "key": "fee", "label": "Fee", "properties": '
        '{"variable": "fee"}},', 1,
    )  # fmt: skip
    service.deployments.deploy(None, files, "asks for a fee")


def decided_in_vain(service, who):
    """A case on that version, its decision task, and the defect met when the officer completed it."""
    deploy_failing(service)
    done = deciding(service, who)
    with service.read() as db:
        (decide,) = queries.tasks(db, who("ben"), which="groups")
    with pytest.raises(StepFailed) as failure:
        service.handler.complete(who("ben"), decide.id, GRANT, key())
    return done, decide, failure.value


def test_answers_that_met_a_defect_are_tried_again_after_a_correction(service, who, clock, post):
    done, decide, failure = decided_in_vain(service, who)
    reference = service.incidents.record(failure, instance_id=done.instance_id, actor=who("ben"))
    assert service.incidents.record(failure, instance_id=done.instance_id, actor=who("ben")) == reference
    # Another step of the case does not make the incident go away: what failed has not been done.
    service.handler.claim(who("bea"), decide.id, key())
    service.handler.release(who("bea"), decide.id, key())
    found = the_incident(service, who)
    assert (found.id, found.actor_name, found.attempts) == (reference, "Ben", 2)
    assert service.operations.retry(who("opa"), reference, "Trying.", key()).kind == "failed"
    service.operations.correct(who("opa"), done.code, {"fee": "5"}, "The fee was paid on paper.", key())
    again = service.operations.retry(who("opa"), reference, "The fee is known now.", key())
    assert again.kind == "resolved"
    assert "Ben has been asked to send it again" in again.text
    service.sweeper.post()
    assert [m["To"] for m in post.sent if "you can send your answers again" in m["Subject"]] == ["ben@example.invalid"]
    service.handler.complete(who("ben"), decide.id, GRANT, key())
    assert case_of(service, who, done.code).status == "ended"
    assert verdict(service, done.instance_id) == "equal"


def test_what_failed_is_over_once_the_same_is_done(service, who):
    done, decide, failure = decided_in_vain(service, who)
    service.incidents.record(failure, instance_id=done.instance_id, actor=who("ben"))
    service.operations.correct(who("opa"), done.code, {"fee": "5"}, "Known now.", key())
    service.handler.complete(who("ben"), decide.id, GRANT, key())
    with service.read() as db:
        assert tending.incidents(db, who("opa")) == []
        assert db.execute(select(incident.c.closed_by)).scalar_one() == "ben"


def test_a_start_that_failed_is_an_incident_without_a_case(service, who):
    failure = StepFailed("A condition could not be worked out.")
    failure.command = {"type": "StartInstance", "message": "application_received"}
    reference = service.incidents.record(failure, instance_id=None, actor=who("ann"))
    found = the_incident(service, who)
    assert (found.id, found.code) == (reference, None)
    assert service.operations.retry(who("opa"), reference, "Mended by version 2.", key()).kind == "resolved"


def test_values_are_shown_to_operators_as_they_are_typed(service, who):
    done, _ = begin(service, who)
    shown = service.operations.values_of(who("opa"), done.code)
    assert shown["received_on"] == APPLICATION["received_on"]
    with pytest.raises(NotAllowed):
        service.operations.values_of(who("ann"), done.code)
