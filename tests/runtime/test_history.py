"""Three verdicts, never blurred; and a history that can be carried away and checked anywhere."""

import json
from uuid import uuid4

import pytest

from service.core.chain import ChainBroken, verify
from service.runtime import exports, history
from service.store import instances, queries
from service.store.transaction import transaction
from story import APPLICATION, COMPLETE, GRANT, begin, key
from tampering import change, tables


@pytest.fixture
def finished(service, who, clock):
    done, task = begin(service, who)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    clock.to("2013-07-11T15:00")
    service.sweeper.sweep()
    with service.read() as db:
        tasks = queries.tasks(db, who("ben"), which="groups")
    decide = next(t for t in tasks if t.element_id == "decide")
    service.handler.complete(who("ben"), decide.id, GRANT, key())
    return done


def verdict(service, done):
    with service.read() as db:
        steps, state = instances.steps_of(db, done.instance_id), queries.state_as_stored(db, done.instance_id)
        return history.verdict(service.definitions.get, steps, state)


def remove(service, seq: int) -> None:
    with tables(service.store) as sql:
        sql("DELETE FROM step WHERE seq = ?", seq)


def test_an_honest_history_replays_equal(service, finished):
    found = verdict(service, finished)
    assert (found.kind, found.steps, found.at_seq) == ("equal", 4, None)


@pytest.mark.parametrize("seq", [1, 2, 3, 4])
def test_a_changed_step_breaks_the_chain_there(service, finished, seq):
    change(service.store, seq, actor="somebody else")
    found = verdict(service, finished)
    assert (found.kind, found.at_seq) == ("broken", seq)


def test_a_chain_rewritten_whole_still_differs_from_what_the_engine_does(service, finished):
    """Whoever seals a false step anew is found by running it again."""
    with service.read() as db:
        steps = instances.steps_of(db, finished.instance_id)
    false = {**steps[3].command, "variables": {"decision": "refuse"}}
    remove(service, 4)
    with transaction(service.store) as db:
        lied = type(steps[3])(**{**{n: getattr(steps[3], n) for n in type(steps[3]).__slots__}, "command": false})
        instances.append(db, lied)
    found = verdict(service, finished)
    assert (found.kind, found.at_seq) == ("differs", 4)


def test_a_removed_step_is_missed(service, finished):
    remove(service, 2)
    assert verdict(service, finished).kind == "broken"


def test_a_removed_tail_differs_from_the_stored_case(service, finished):
    remove(service, 4)
    found = verdict(service, finished)
    assert (found.kind, found.at_seq) == ("differs", 3)


def test_frames_show_the_case_step_by_step(service, finished):
    with service.read() as db:
        frames = history.frames(service.definitions.get, instances.steps_of(db, finished.instance_id))
    assert [f.markers["application"]["current"] for f in frames] == [
        ["check"], ["decide"], ["decide", "late_reason"], ["late_reason"]
    ]  # fmt: skip
    assert frames[2].title == "A date was reached"


def test_an_export_is_checked_without_a_database(service, finished):
    with service.read() as db:
        text = json.dumps(exports.export(db, service.definitions, finished.instance_id, finished.code))
    read = exports.read(text)
    assert read.code == finished.code
    assert history.verdict(lambda h: read.definitions[h], read.steps).kind == "equal"


def test_every_byte_of_an_exported_step_counts(service, finished):
    with service.read() as db:
        kept = exports.export(db, service.definitions, finished.instance_id, finished.code)
    kept["steps"][1]["at"] = "2013-05-30T09:00:00.000001+00:00"
    kept["digest"] = exports._digest({name: kept[name] for name in kept if name != "digest"})
    with pytest.raises(ChainBroken) as broken:
        verify(exports.read(json.dumps(kept)).steps)
    assert broken.value.seq == 2


def test_cases_stay_on_the_version_they_started_on(service, who):
    done, _ = begin(service, who)
    with service.read() as db:
        files = dict(service.definitions.current(db).files)
    diagram = files["processes/application.bpmn"]
    files["processes/application.bpmn"] = diagram.replace(
        "months_after(received_on, 1)", "months_after(received_on, 2)"
    )
    row = service.deployments.deploy(who("una"), files, "two months")
    later = service.handler.start(who("ann"), "application_received", APPLICATION, uuid4().hex)
    with service.read() as db:
        kept = {c.id: c.definition_hash for c in queries.cases(db, who("ann"))}
        first = service.definitions.get(kept[done.instance_id])
    assert kept[later.instance_id] == row.hash != kept[done.instance_id]
    assert first.files["processes/application.bpmn"] == diagram, "byte for byte"
