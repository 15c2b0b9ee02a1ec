"""Departures on both databases: one record, one row, one number; rebuilt from steps; agreed to by a second person."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import select, text, update

from departing import SAID, SHORT, TWICE, UNKNOWN, WHY, files
from service.core.errors import DepartureRefused, KeyReused, NotAllowed, NotFound, NothingToDo
from service.runtime import exports, history, recordcheck
from service.store import instances
from service.store.departures import departures_of
from service.store.tables import account, departure, record
from service.store.transaction import transaction
from story import key
from torture import rebuilding


@pytest.fixture
def departing(service):
    service.deployments.deploy(None, files(), "With departures")
    return service


def begun(service, who):
    """A case that departed at its start, waiting to be checked: its id, its code and the task."""
    done = service.handler.start(who("ann"), "application_received", UNKNOWN, key(), departures={"unnamed": SAID})
    return done.instance_id, done.code, done.opened[0]


def seen(service, actor, instance_id):
    with service.read() as db:
        definition = service.definitions.current(db)
        return departures_of(db, definition, actor, instance_id)


def test_words_are_in_the_record_the_rule_in_the_history_and_both_check(departing, who):
    case, _, task = begun(departing, who)
    given = {"unseen": SAID, "unasked": {**SAID, "effect": "Nothing."}}
    departing.handler.complete(who("ann"), task, TWICE, key(), departures=given)
    found = seen(departing, who("ann"), case)
    assert [(d.number, d.rule, d.seq, d.effect, d.readable) for d in found] == [
        (1, "unnamed", 1, SAID["effect"], True),
        (2, "unseen", 2, SAID["effect"], True),
        (3, "unasked", 2, "Nothing.", True),
    ]
    assert [(d.made_by, d.made_by_name, d.role, d.became) for d in found] == [("ann", "Ann", "clerk", "made")] * 3
    with departing.read() as db:
        steps, records = instances.steps_of(db, case), recordcheck.rows(db, case)
        exported = exports.export(db, departing.definitions, case, "X")
        state = db.execute(text("SELECT state FROM process_instance")).scalar_one()
    assert list(recordcheck.examine(records, steps, departing.definitions.get)) == []
    assert history.verdict(departing.definitions.get, steps).kind == "equal"
    assert "DepartureMade" in str(exported)
    for told in (str(steps), state, str(exported)):
        assert WHY not in told
        assert SAID["effect"] not in told


def test_a_changed_reason_is_found_by_the_check_of_records(departing, who):
    case, _, _ = begun(departing, who)
    with transaction(departing.store) as db:
        before = db.execute(select(record.c.answers)).scalar_one()
        db.execute(record.update().values(answers=before.replace("away", "ill")))
        steps, records = instances.steps_of(db, case), recordcheck.rows(db, case)
        (finding,) = recordcheck.examine(records, steps, departing.definitions.get)
    assert "was changed in the database" in finding.text


def test_a_reason_and_an_answer_cannot_be_labelled_as_each_other(departing, who):
    case, code, task = begun(departing, who)
    departing.sharing.assign(who("ann"), task, "ann", "Nobody else is here.", key())
    departing.departures.judge(who("ben"), code, 1, "Fine.", key(), approved=True)
    said = {"form": "_reason", "title": "Reason", "access": "reason"}
    with transaction(departing.store) as db:
        steps = instances.steps_of(db, case)

        def found():
            return [f.text for f in recordcheck.examine(recordcheck.rows(db, case), steps, departing.definitions.get)]

        assert found() == []
        db.execute(record.update().where(record.c.seq == 1).values(said))
        assert len(found()) == 1
        other = {"form": "check", "title": "Check the application", "access": "application"}
        db.execute(record.update().where(record.c.seq > 1).values(other))
        assert len(found()) == 3


def test_an_erased_record_leaves_the_departure_without_its_words(departing, who):
    case, _, _ = begun(departing, who)
    with transaction(departing.store) as db:
        db.execute(record.delete())
    (found,) = seen(departing, who("ann"), case)
    assert (found.readable, found.reasons, found.message) == (False, None, "An application names its tree.")


def test_who_may_not_read_the_record_reads_no_reasons(departing, who):
    case, _, _ = begun(departing, who)
    assert seen(departing, who("ben"), case)[0].reasons == WHY, "officers read applications"
    (found,) = seen(departing, who("wat"), case)
    assert (found.readable, found.reasons, found.effect, found.until, found.record) == (False,) + (None,) * 4
    for other in (who("una"), who("opa"), replace(who("aud"), memberships=())):
        assert seen(departing, other, case) == [], "who does not see the case learns of no departure"


def test_a_local_rule_asks_for_longer_reasons(departing, who):
    rule = {"id": "departure_least_characters", "value": len(WHY) + 1, "unit": "characters", "name": "R", "about": "A"}
    departing.deployments.deploy(None, files(processes__local_rules=json.dumps([rule])), "Longer reasons")
    with pytest.raises(DepartureRefused, match=f"must be {len(WHY) + 1} characters or more"):
        begun(departing, who)


def test_refused_answers_leave_nothing_behind(departing, who):
    case, _, task = begun(departing, who)
    for given in (None, {}, {"unseen": {**SAID, "reasons": "Short."}}, {"unasked": SAID}):
        with pytest.raises(DepartureRefused):
            departing.handler.complete(who("ann"), task, SHORT, key(), departures=given)
    with departing.read() as db:
        assert len(instances.steps_of(db, case)) == 1
        assert len(db.execute(select(departure)).all()) == 1


def test_the_same_key_gives_the_same_answer_and_other_reasons_are_another_request(departing, who):
    _, _, task = begun(departing, who)
    once = key()
    first = departing.handler.complete(who("ann"), task, SHORT, once, departures={"unseen": SAID})
    again = departing.handler.complete(who("ann"), task, SHORT, once, departures={"unseen": SAID})
    assert (again.seq, again.replayed) == (first.seq, True)
    with pytest.raises(KeyReused):
        departing.handler.complete(who("ann"), task, SHORT, once, departures={"unseen": {**SAID, "effect": "Other."}})


def test_a_second_person_agrees_with_a_reason_and_once(departing, who):
    case, code, _ = begun(departing, who)
    judge = departing.departures.judge
    once = key()
    done = judge(who("ben"), code, 1, "It was explained to me.", once, approved=False)
    assert judge(who("ben"), code, 1, "It was explained to me.", once, approved=False).seq == done.seq
    with pytest.raises(NothingToDo):
        judge(who("bea"), code, 1, "Me too.", key(), approved=False)
    judge(who("bea"), code, 1, "It is clear now.", key(), approved=True)
    with pytest.raises(NothingToDo):
        judge(who("ben"), code, 1, "Still not.", key(), approved=False)
    (found,) = seen(departing, who("aud"), case)
    assert (found.became, found.judged_by_name, found.judged_role, found.judged_reason) == (
        "approved", "Bea", "officer", "It is clear now.",
    )  # fmt: skip
    (officer,) = seen(departing, who("ben"), case)
    assert officer.judged_reason == "It is clear now.", "who judges departures reads what others said of them"
    (watcher,) = seen(departing, who("wat"), case)
    assert watcher.judged_reason is None, "who neither judges nor reads the class of reasons does not"
    with departing.read() as db:
        steps, records = instances.steps_of(db, case), recordcheck.rows(db, case)
    assert list(recordcheck.examine(records, steps, departing.definitions.get)) == []
    assert history.verdict(departing.definitions.get, steps).kind == "equal"


def test_only_who_approves_departures_of_others_in_cases_they_know(departing, who):
    _, code, _ = begun(departing, who)
    judge = departing.departures.judge
    with pytest.raises(NotAllowed):
        judge(who("ann"), code, 1, "Mine.", key(), approved=True)
    with pytest.raises(NotAllowed):
        judge(who("aud"), code, 1, "I only look.", key(), approved=True)
    with pytest.raises(NotFound):
        judge(who("ben"), code, 2, "Which?", key(), approved=True)
    with pytest.raises(NotFound):
        judge(replace(who("ben"), memberships=()), code, 1, "Not mine.", key(), approved=True)


def test_nobody_approves_a_departure_of_their_own(departing, who):
    case, code, task = begun(departing, who)
    departing.handler.complete(who("ann"), task, {"complete": "yes", "notes": "All there."}, key())
    more = {"extended_to": "2013-07-10", "reason": "Ill."}
    departing.handler.send(who("ben"), case, "more_time_allowed", more, key(), departures={"unapproved": SAID})
    with pytest.raises(NotAllowed, match="yourself"):
        departing.departures.judge(who("ben"), code, 2, "Mine.", key(), approved=True)
    with transaction(departing.store) as db:
        db.execute(update(account).where(account.c.id == "bea").values(person_id="ben"))
    with pytest.raises(NotAllowed, match="yourself"):
        departing.departures.judge(who("bea"), code, 2, "Under my other account.", key(), approved=True)
    with transaction(departing.store) as db:
        db.execute(update(account).where(account.c.id == "bea").values(person_id=None))
    departing.departures.judge(who("bea"), code, 2, "Not mine.", key(), approved=True)


def test_departures_are_rebuilt_from_the_steps_alone(departing, who):
    case, code, task = begun(departing, who)
    departing.handler.complete(who("ann"), task, TWICE, key(), departures={"unseen": SAID, "unasked": SAID})
    departing.departures.judge(who("ben"), code, 2, "Fine.", key(), approved=True)
    departing.departures.judge(who("ben"), code, 3, "Not fine.", key(), approved=False)
    with departing.read() as db:
        steps, definition = instances.steps_of(db, case), departing.definitions.current(db)
    with rebuilding.second(departing.store) as second:
        assert rebuilding.check(second, departing.store, definition, code, steps) == []
        assert len(rebuilding.rows_of(second.db, case)["departure"]) == 3
    assert [d.became for d in seen(departing, who("aud"), case)] == ["made", "approved", "objected"]
    with transaction(departing.store) as db:
        db.execute(departure.update().where(departure.c.number == 3).values(became="approved"))
    with rebuilding.second(departing.store) as second:
        (wrong,) = rebuilding.check(second, departing.store, definition, code, steps)
    assert wrong.startswith("departure: ")
