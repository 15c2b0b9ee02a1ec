"""Running cases are moved to another version: seen first, one step and one transaction each, kept in the history."""

import io
import json

import pytest
from rich.console import Console

from build import MINI
from service.cli import moving
from service.core.errors import BrokenRule, KeyMissing, NotAllowed, NotFound, Rejection
from service.runtime import bundles, exports, history
from service.runtime.migrating import ALREADY, read_plan, version_named
from service.store import instances, queries
from service.store.tables import clock as clock_table
from service.store.tables import incident, outbox, process_instance, record, timer_job, user_task
from service.store.transaction import transaction
from story import APPLICATION, COMPLETE, GRANT, begin, key

DIAGRAM = "processes/application.bpmn"
FILES = bundles.read_folder(MINI)


def version(service, *changes: tuple[str, str]):
    """Deploy the small definition with changes of its diagram, and return the version."""
    text = FILES[DIAGRAM]
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return service.deployments.deploy(None, {**FILES, DIAGRAM: text}, "changed")


LATER = ("months_after(received_on, 1)", "months_after(received_on, 2)")
RENAMED = [('id="check"', 'id="examine"'), (">check<", ">examine<"), ('Ref="check"', 'Ref="examine"')]


def rows(service, table, *columns: str):
    with service.read() as db:
        found = db.execute(table.select()).all()
    return [tuple(getattr(row, c) for c in columns) for row in found]


def codes(service) -> list[str]:
    return [code for (code,) in rows(service, process_instance, "code")]


def move(service, who, to, plan=None, only=None, reason="The law changed", sent=None):
    chosen, sent = only or codes(service), sent or key()
    return list(service.migrations.execute(who("una"), to, plan or {}, chosen, reason, sent))


def verdict(service, done):
    with service.read() as db:
        steps, state = instances.steps_of(db, done.instance_id), queries.state(db, done.instance_id)
    return history.verdict(service.definitions.get, steps, state)


@pytest.fixture
def deciding(service, who):
    """A case that waits for its decision."""
    done, task = begin(service, who)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    return done


def test_a_preview_tells_each_case_and_writes_nothing(service, who, deciding):
    to = version(service, LATER)
    before = rows(service, process_instance, "version", "definition_hash")
    (seen,) = service.migrations.preview(who("una"), to, {})
    assert (seen.code, seen.version) == (deciding.code, 1)
    assert seen.preview.sentences == (
        "“Decision” moves from 29 June 2013 to 29 July 2013",
        "“Decide the application” is due 29 July 2013 instead of 29 June 2013",
    )
    assert rows(service, process_instance, "version", "definition_hash") == before


def test_a_case_is_moved_in_one_step_with_its_tables_reason_and_history(service, who, deciding):
    to = version(service, LATER)
    (moved,) = move(service, who, to)
    assert (moved.done, moved.code, len(moved.sentences)) == (True, deciding.code, 2)
    assert rows(service, process_instance, "definition_hash", "version") == [(to.hash, 3)]
    assert [d.isoformat()[:10] for (d,) in rows(service, clock_table, "due_at")] == ["2013-07-29"]
    with service.read() as db:
        last = instances.steps_of(db, deciding.instance_id)[-1]
    kept = [r for r in rows(service, record, "form", "seq", "hash", "answers", "definition_hash") if r[0] == "_reason"]
    assert kept == [("_reason", 3, last.command["record"], '{"reason": "The law changed"}', to.hash)]
    assert (last.definition, last.actor, last.command["type"]) == (to.hash, "una", "MigrateInstance")
    assert verdict(service, deciding).kind == "equal"


def test_a_moved_case_goes_on_to_its_end_and_can_be_carried_away(service, who, clock, deciding):
    to = version(service, LATER)
    move(service, who, to)
    clock.to("2013-07-11T15:00")
    assert service.sweeper.sweep() == 0
    with service.read() as db:
        task = next(t for t in queries.tasks(db, who("ben"), which="groups") if t.element_id == "decide")
    service.handler.complete(who("ben"), task.id, GRANT, key())
    with service.read() as db:
        exported = json.dumps(exports.export(db, service.definitions, deciding.instance_id, deciding.code))
    read = exports.read(exported)
    assert len(read.definitions) == 2
    assert history.verdict(lambda h: read.definitions[h], read.steps).kind == "equal"
    assert rows(service, process_instance, "status", "outcome") == [("ended", "granted")]


def test_only_process_owners_move_cases_and_only_with_a_reason(service, who, deciding):
    to = version(service, LATER)
    for name in ("ann", "aud"):
        with pytest.raises(NotAllowed):
            service.migrations.preview(who(name), to, {})
        with pytest.raises(NotAllowed):
            service.migrations.execute(who(name), to, {}, [deciding.code], "mine", key())
    with pytest.raises(BrokenRule):
        service.migrations.execute(who("una"), to, {}, [deciding.code], "  ", key())
    with pytest.raises(KeyMissing):
        service.migrations.execute(who("una"), to, {}, [deciding.code], "mine", "")
    assert rows(service, process_instance, "version") == [(2,)]


def test_a_case_that_cannot_move_is_a_line_and_a_second_run_with_a_plan_does_what_is_left(service, who, deciding):
    other = service.handler.start(who("ann"), "application_received", APPLICATION, key())
    to = version(service, *RENAMED)
    first = move(service, who, to)
    assert [(m.code, m.done) for m in first] == [(deciding.code, True), (other.code, False)]
    assert first[1].problems[0].field == "application:check"
    second = move(service, who, to, read_plan(["check = examine"]))
    assert [(m.code, m.done) for m in second] == [(other.code, True)]
    assert move(service, who, to) == []
    tasks = [r for r in rows(service, user_task, "element_id", "closed_at", "instance_id") if r[1] is None]
    assert (("examine", None, other.instance_id)) in tasks
    assert verdict(service, other).kind == "equal"


def test_the_same_request_again_moves_nothing_and_says_what_it_did_before(service, who, deciding):
    other = service.handler.start(who("ann"), "application_received", APPLICATION, key())
    to, sent = version(service, LATER), key()
    with service.read() as db:
        back = version_named(db, 1)
    assert [m.done for m in move(service, who, to, only=[deciding.code], sent=sent)] == [True]
    again = move(service, who, to, sent=sent)
    assert [(m.code, m.sentences == (ALREADY,)) for m in again] == [(deciding.code, True), (other.code, False)]
    assert move(service, who, to) == [], "another request finds nothing left to do"
    (changed,) = move(service, who, to, only=[deciding.code], reason="Another reason", sent=sent)
    assert (changed.done, "already used" in changed.problems[0].message) == (False, True)
    move(service, who, back, only=[deciding.code])
    (late,) = move(service, who, to, only=[deciding.code], sent=sent)
    assert late.sentences == (ALREADY,), "a repeat that comes late does not undo what was done since"
    assert set(rows(service, process_instance, "code", "definition_hash")) == {
        (deciding.code, back.hash), (other.code, to.hash),
    }  # fmt: skip
    assert verdict(service, deciding).kind == "equal"


def test_a_damaged_case_becomes_an_incident_and_the_others_move(service, who, deciding):
    other = service.handler.start(who("ann"), "application_received", APPLICATION, key())
    to = version(service, LATER)
    with transaction(service.store) as db:
        this = process_instance.c.id == deciding.instance_id
        db.execute(process_instance.update().where(this).values(state=process_instance.c.state + " "))
    moved = {m.code: m for m in move(service, who, to)}
    assert (moved[deciding.code].done, moved[other.code].done) == (False, True)
    assert rows(service, incident, "id", "instance_id") == [(moved[deciding.code].reference, deciding.instance_id)]


def test_a_case_that_went_on_meanwhile_is_judged_as_it_is_then(service, who):
    done, task = begin(service, who)
    to = version(service, *RENAMED)
    (seen,) = service.migrations.preview(who("una"), to, {})
    assert not seen.preview.moves
    service.handler.complete(who("ann"), task, COMPLETE, key())
    assert [m.done for m in move(service, who, to)] == [True]
    assert verdict(service, done).kind == "equal"


def test_another_role_gives_the_task_back_tells_the_new_group_and_shows_in_their_list(service, who):
    _, task = begin(service, who)
    service.handler.claim(who("ann"), task, key())
    lanes = ("<bpmn:flowNodeRef>check</bpmn:flowNodeRef></bpmn:lane>", "</bpmn:lane>")
    to = version(
        service,
        lanes,
        ("<bpmn:flowNodeRef>decide<", "<bpmn:flowNodeRef>check</bpmn:flowNodeRef><bpmn:flowNodeRef>decide<"),
    )
    (moved,) = move(service, who, to)
    assert moved.sentences[0] == "“Check the application” goes to Tree officer instead of Clerk"
    with service.read() as db:
        mine = [t.id for t in queries.tasks(db, who("ben"), which="groups")]
    assert mine == [task]
    assert ("ben", "assigned") in rows(service, outbox, "recipient", "kind")


def test_a_limit_taken_away_leaves_the_lists_and_a_renamed_timer_keeps_its_row(service, who, clock, deciding):
    key_of = 'value="{}"/>\n          <spiffworkflow:property name="name"'
    places = ('id="{}"', ">{}<", 'sourceRef="{}"', 'bpmnElement="{}"')
    renamed = [tuple(p.format(n) for n in ("decision_clock", "verdict_clock")) for p in places]
    key_renamed = tuple(key_of.format(n) for n in ("decision", "verdict"))
    to = version(service, key_renamed, ("clocks.decision.due", "clocks.verdict.due"), *renamed)
    (moved,) = move(service, who, to, {"decision_clock": "verdict_clock"})
    assert moved.done, moved.problems
    assert rows(service, clock_table, "key") == [("verdict",)]
    assert rows(service, timer_job, "element_id", "closed_at") == [("verdict_clock", None)]
    clock.to("2013-07-11T15:00")
    assert service.sweeper.sweep() == 1
    assert verdict(service, deciding).kind == "equal"


def test_versions_and_plans_are_named_plainly(service):
    with service.read() as db, pytest.raises(NotFound):
        version_named(db, 9)
    assert read_plan(["a=b", " main:c = d "]) == {"a": "b", "main:c": "d"}
    for wrong in ("a", "=b", "a="):
        with pytest.raises(BrokenRule):
            read_plan([wrong])


def verb(service, number: int, **asked) -> tuple[int, str]:
    """What the command line's verb answers: its exit code and what it printed."""
    out = Console(file=io.StringIO(), width=160)
    email = asked.pop("email", "una@example.invalid")
    code = moving.move(service, out, number, email, "The law changed", yes=asked.pop("yes", False), **asked)
    return code, out.file.getvalue()


def test_the_verb_shows_first_and_moves_when_told_to(service, who, deciding):
    other = service.handler.start(who("ann"), "application_received", APPLICATION, key())
    to = version(service, *RENAMED)
    code, said = verb(service, to.version)
    assert code == 1
    assert "1 case can be moved to version 2, 1 cannot. Nothing was done." in said
    assert set(rows(service, process_instance, "version")) == {(1,), (2,)}
    code, said = verb(service, to.version, yes=True, codes=[deciding.code])
    assert (code, "1 case moved, 0 not." in said) == (0, True)
    code, said = verb(service, to.version, yes=True, pairs=["check=examine"])
    assert (code, f"{other.code}: “Check the application” is called" in said) == (0, False)
    assert verb(service, to.version) == (0, "No running case is on another version than 2.\n")


def test_the_verb_names_what_there_is_not(service, deciding):
    to = version(service, LATER)
    for wrong in ({"number": 9}, {"codes": ["TREE-1"]}):
        with pytest.raises(NotFound):
            verb(service, wrong.pop("number", to.version), **wrong)
    with pytest.raises(Rejection, match="Nobody who may sign in has the e-mail address"):
        verb(service, to.version, email="nobody@example.invalid")
    with pytest.raises(NotAllowed):
        verb(service, to.version, email="ann@example.invalid")


def test_a_case_of_another_partnership_is_not_seen(service, who, deciding):
    to = version(service, LATER)
    stranger = who("una")
    elsewhere = type(stranger)(stranger.account_id, stranger.name, stranger.email, tuple(
        type(m)(m.role, m.agency, "another", m.instance_id) for m in stranger.memberships
    ))  # fmt: skip
    assert service.migrations.preview(elsewhere, to, {}) == []
