"""Who may know of a case, said by people: named, ended, shut out, let in; each a step that replays to the same."""

from datetime import date

import pytest
from sqlalchemy import func, select

from service.core.errors import BrokenRule, FormRefused, NotAllowed, NotFound, NothingToDo
from service.runtime import history
from service.store import admissions, instances, people, queries
from service.store.tables import incident, record
from service.store.transaction import reading
from story import begin, key
from torture import rebuilding


def sees(service, who, name, code):
    with service.read() as db:
        return queries.case(db, who(name), code) is not None


def test_somebody_is_named_for_one_case_and_no_longer(service, who, clock):
    one, _ = begin(service, who)
    other, _ = begin(service, who)
    assert not sees(service, who, "opa", one.code), "an operator sees no case"
    named = service.admissions.name(who("ann"), one.code, "opa", "officer", None, date(2013, 6, 30), "Covers.", key())
    assert sees(service, who, "opa", one.code)
    assert not sees(service, who, "opa", other.code)
    with pytest.raises(NothingToDo):
        service.admissions.name(who("ann"), one.code, "opa", "officer", None, None, "Again.", key())
    with service.read() as db:
        (found,) = (r for r in admissions.reachers(db, one.instance_id, service.now()) if r.account == "opa")
        assert (found.role, found.number) == ("officer", named.seq)
    clock.to("2013-07-01T09:00")
    assert not sees(service, who, "opa", one.code), "the last day is over"


def test_a_naming_is_ended_by_another_step(service, who, clock):
    one, _ = begin(service, who)
    named = service.admissions.name(who("ann"), one.code, "opa", "officer", None, None, "Covers.", key())
    clock.pass_by(minutes=1)
    service.admissions.end(who("ann"), one.code, named.seq, "Back from leave.", key())
    assert not sees(service, who, "opa", one.code)
    with pytest.raises(NotFound):
        service.admissions.end(who("ann"), one.code, named.seq, "Once more.", key())


def test_who_is_shut_out_is_out_whatever_else_would_let_them_in(service, who, clock):
    one, _ = begin(service, who)
    service.admissions.name(who("ann"), one.code, "ben", "officer", None, None, "Expert.", key())
    shut = service.admissions.shut_out(who("ann"), one.code, "ben", None, "Lives next door.", key())
    assert not sees(service, who, "ben", one.code)
    with service.read() as db:
        here = people.as_in(db, who("ben"), one.instance_id)
        assert here.memberships == ()
        assert people.members(db, "officer", None, frozenset({"p"}), clock(), one.instance_id) == ["bea"]
        assert [o.account for o in admissions.outsiders(db, one.instance_id)] == ["ben"]
    with pytest.raises(BrokenRule):
        service.admissions.name(who("ann"), one.code, "ben", "officer", None, None, "Anyway.", key())
    clock.pass_by(minutes=1)
    service.admissions.let_in(who("ann"), one.code, shut.seq, "It was his brother.", key())
    assert sees(service, who, "ben", one.code)


def test_nobody_shuts_out_themselves_and_only_some_roles_say_who_may_see_a_case(service, who):
    one, _ = begin(service, who)
    with pytest.raises(BrokenRule):
        service.admissions.shut_out(who("ann"), one.code, "ann", None, "Oops.", key())
    with pytest.raises(NotAllowed):
        service.admissions.shut_out(who("ben"), one.code, "ann", None, "Because.", key())
    with pytest.raises(NotFound):
        service.admissions.shut_out(who("opa"), one.code, "ann", None, "Because.", key())
    with pytest.raises(FormRefused):
        service.admissions.shut_out(who("ann"), one.code, "ben", None, " ", key())
    with pytest.raises(BrokenRule):
        service.admissions.name(who("ann"), one.code, "ben", "operator", None, None, "Because.", key())
    with pytest.raises(BrokenRule):
        service.admissions.shut_out(who("ann"), one.code, None, None, "Because.", key())


def test_who_may_see_a_case_is_said_of_one_on_hold_and_lets_no_time_pass(service, who, clock):
    one, _ = begin(service, who)
    service.operations.suspend(who("ann"), one.code, "Wait.", key())
    clock.to("2013-12-01T09:00")
    service.admissions.shut_out(who("ann"), one.code, "ben", None, "Lives next door.", key())
    with reading(service.store) as db:
        steps = instances.steps_of(db, one.instance_id)
        assert [e["type"] for e in steps[-1].events] == ["SomebodyShutOut"]
        state = queries.state(db, one.instance_id)
        kept = db.execute(select(record).where(record.c.seq == steps[-1].seq)).one()
        assert (kept.access, kept.form) == ("access", "_admitting")
        assert not people.records(db, service.definitions.current(db), who("ben"), one.instance_id)
        assert db.execute(select(func.count()).select_from(incident)).scalar_one() == 0
    assert history.verdict(service.definitions.get, steps, state).kind == "equal"


def test_who_is_named_and_who_is_shut_out_could_be_rebuilt_from_the_steps(service, who, clock):
    one, _ = begin(service, who)
    named = service.admissions.name(who("ann"), one.code, "wat", "officer", None, date(2013, 6, 30), "Covers.", key())
    clock.pass_by(minutes=1)
    service.admissions.end(who("ann"), one.code, named.seq, "Back.", key())
    shut = service.admissions.shut_out(who("ann"), one.code, "ben", None, "Lives next door.", key())
    service.admissions.let_in(who("ann"), one.code, shut.seq, "It was his brother.", key())
    service.admissions.shut_out(who("ann"), one.code, None, "parks", "It is their own tree.", key())
    with service.read() as db:
        steps, definition = instances.steps_of(db, one.instance_id), service.definitions.current(db)
    with rebuilding.second(service.store) as second:
        assert rebuilding.check(second, service.store, definition, one.code, steps) == []
        assert len(rebuilding.rows_of(second.db, one.instance_id)["denial"]) == 2
