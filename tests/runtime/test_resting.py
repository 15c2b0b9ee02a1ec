"""A case at rest in the store: shown as ended, still swept, and opened again under its own code."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from at_rest import files
from service.core.errors import CaseEnded, NotWaiting
from service.core.replay import examine
from service.store import instances, queries, versions
from service.store.tables import process_instance
from story import APPLICATION, COMPLETE, GRANT, key

REFUSE = {"decision": "refuse", "reasons": "The tree is healthy."}


@pytest.fixture
def closed(service, who):
    """A refused application, at rest; what the handler answered."""
    service.deployments.deploy(None, files(), "With appeals")
    done = service.handler.start(who("ann"), "application_received", APPLICATION, key())
    done = service.handler.complete(who("ann"), done.opened[0], COMPLETE, key())
    refuse(service, who)
    return done


def refuse(service, who, answers=REFUSE):
    with service.read() as db:
        (task,) = queries.tasks(db, who("ben"), which="groups")
    service.handler.complete(who("ben"), task.id, answers, key())


def case(service, who, closed):
    with service.read() as db:
        return queries.case(db, who("ann"), closed.code)


def replayed(service, closed) -> str:
    with service.read() as db:
        steps, state = instances.steps_of(db, closed.instance_id), queries.state(db, closed.instance_id)
    return examine(service.definitions.get, steps, state).kind


def test_it_is_shown_as_ended_and_opens_again_under_its_code(service, who, closed, clock):
    found = case(service, who, closed)
    since = datetime(2013, 5, 29, 9, tzinfo=UTC)
    assert (found.status, found.rests, found.outcome, found.outcome_name, found.ended_at) == (
        "ended", True, "closed_refused", "Closed: refused", since,
    )  # fmt: skip
    clock.pass_by(days=10)
    service.handler.send(who("ann"), closed.instance_id, "appealed", {}, key())
    again = case(service, who, closed)
    assert (again.status, again.rests, again.outcome, again.outcome_name, again.ended_at, again.code) == (
        "running", False, None, None, None, closed.code,
    )  # fmt: skip
    refuse(service, who)
    assert case(service, who, closed).ended_at == since.replace(month=6, day=8)
    service.handler.send(who("ann"), closed.instance_id, "appealed", {}, key())
    refuse(service, who, GRANT)
    assert (case(service, who, closed).status, case(service, who, closed).rests) == ("ended", False)
    with pytest.raises(NotWaiting):
        service.handler.send(who("ann"), closed.instance_id, "appealed", {}, key())
    assert replayed(service, closed) == "equal"


def test_the_sweep_finds_it_and_ends_it_for_good(service, who, closed, clock):
    clock.pass_by(days=83)
    assert service.sweeper.sweep() == 0
    clock.pass_by(days=2)
    with service.read() as db:
        assert queries.due_instances(db, clock.now) == [closed.instance_id]
    assert service.sweeper.sweep() == 1
    found = case(service, who, closed)
    assert (found.status, found.rests, found.outcome_name) == ("ended", False, "Refused for good")
    assert service.sweeper.sweep() == 0
    assert replayed(service, closed) == "equal"


def test_it_stands_among_the_ended_and_moves_with_the_running(service, who, closed):
    running = service.handler.start(who("ann"), "application_received", APPLICATION, key())
    with service.read() as db:
        listed = [(c.code, c.status) for c in queries.cases(db, who("ann"))]
    assert listed == [(running.code, "running"), (closed.code, "ended")]
    to = service.deployments.deploy(None, files(asks="The applicant"), "A word")
    with service.read() as db:
        there = versions.elsewhere(db, to.hash, frozenset({"p"}))
    assert {c.code for c in there} == {running.code, closed.code}
    seen = {s.code: s.preview for s in service.migrations.preview(who("una"), to, {})}
    assert seen[closed.code].moves
    assert seen[closed.code].sentences == ("Moves unchanged",)
    (moved,) = service.migrations.execute(who("una"), to, {}, [closed.code], "A word", key())
    assert moved.done
    assert (case(service, who, closed).status, case(service, who, closed).rests) == ("ended", True)
    service.handler.send(who("ann"), closed.instance_id, "appealed", {}, key())
    assert case(service, who, closed).status == "running"


def test_it_is_neither_held_nor_cancelled(service, who, closed):
    for verb in (service.operations.suspend, service.operations.cancel):
        with pytest.raises(CaseEnded):
            verb(who("ann"), closed.code, "No more.", key())
    with service.read() as db:
        kept = db.execute(select(process_instance.c.status, process_instance.c.next_due)).one()
    assert kept == ("running", datetime(2013, 8, 21, 9, tzinfo=UTC))


def test_putting_a_value_right_leaves_it_at_rest(service, who, closed):
    service.operations.correct(who("opa"), closed.code, {"decision": "grant"}, "Read wrongly.", key())
    assert case(service, who, closed).rests
