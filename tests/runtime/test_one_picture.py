"""A reader sees one picture, a broken case stops nobody else, and nobody meets a case that is not theirs."""

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import DBAPIError

from service.core.errors import NotAllowed, NotFound
from service.store import people, queries
from service.store.tables import account, membership, ownership, partnership, step
from service.store.transaction import reading, transaction
from story import APPLICATION, COMPLETE, GRANT, begin, key


def test_what_is_written_meanwhile_does_not_change_the_picture(service, who):
    done, task = begin(service, who)
    count = select(func.count()).select_from(step).where(step.c.instance_id == done.instance_id)
    with reading(service.store) as db:
        assert db.execute(count).scalar_one() == 1
        service.handler.complete(who("ann"), task, COMPLETE, key())
        assert db.execute(count).scalar_one() == 1
    with reading(service.store) as db:
        assert db.execute(count).scalar_one() == 2


def test_a_case_that_fails_in_a_way_nobody_foresaw_stops_no_other(service, who, clock):
    first, task = begin(service, who)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    clock.pass_by(minutes=1)
    second, task = begin(service, who)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    with transaction(service.store) as db:  # a step nobody took: the next one cannot be written
        row = dict(
            db.execute(select(step).where(step.c.instance_id == first.instance_id, step.c.seq == 2)).one()._mapping
        )
        db.execute(insert(step).values(**{**row, "seq": 3, "prev_hash": "0" * 63 + "1"}))
    clock.to("2013-07-01T09:00")
    assert service.sweeper.sweep() == 1
    with service.read() as db:
        assert queries.case(db, who("ann"), first.code).status == "incident"
        (limit,) = queries.clocks(db, second.instance_id)
        assert limit.breached_at is not None


def test_a_letter_that_cannot_be_written_stops_no_other(service, who, clock, post):
    begin(service, who)
    with transaction(service.store) as db:
        db.execute(update(account).where(account.c.id == "ben").values(email="ben\n@example.invalid"))
    _, task = begin(service, who)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    service.sweeper.post()
    assert [m["To"] for m in post.sent], "the letter to the other officer leaves"


def test_a_failure_of_the_database_names_no_value(service):
    with pytest.raises(DBAPIError) as failed, transaction(service.store) as db:
        db.execute(
            insert(account).values(id="ann", email="SECRET", name="SECRET", password_hash="SECRET", practice=False)
        )
    assert "SECRET" not in str(failed.value)


def give(service, name: str, role: str, where: str, instance_id: str | None = None) -> None:
    with transaction(service.store) as db:
        if db.execute(select(partnership.c.id).where(partnership.c.id == where)).one_or_none() is None:
            db.execute(insert(partnership).values(id=where, name=where))
        db.execute(insert(membership).values(
            id=key(), account_id=name, partnership_id=where, role=role, granted_by="x", reason="x",
            from_at=service.clock(), instance_id=instance_id,
        ))  # fmt: skip


@pytest.mark.parametrize("where", ["another", "p"])
def test_a_role_held_elsewhere_opens_nothing_here(service, who, where):
    """Aud audits every case of the partnership; as an officer Aud belongs to another one, or to another case."""
    other, _ = begin(service, who)
    done, task = begin(service, who)
    give(service, "aud", "officer", where, other.instance_id if where == "p" else None)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    aud = who("aud")
    with service.read() as db:
        assert queries.case(db, aud, done.code) is not None
        assert queries.tasks(db, aud, which="groups") == []
        (decide,) = queries.tasks(db, who("ben"), which="groups")
        assert queries.task(db, aud, decide.id) is None
        definition = service.definitions.current(db)
        here = people.as_in(db, aud, done.instance_id)
        assert here.roles == {"auditor"}
        assert [r.id for r in people.records(db, definition, aud, done.instance_id)] == [
            r.id for r in people.records(db, definition, here, done.instance_id)
        ]
    with pytest.raises(NotFound):
        service.handler.complete(aud, decide.id, GRANT, key())
    with pytest.raises((NotAllowed, NotFound)):
        service.handler.send(aud, done.instance_id, "more_time_allowed", {}, key())


def test_a_case_belongs_to_the_partnership_it_was_started_for(service, who):
    give(service, "ann", "auditor", "another")
    done, _ = begin(service, who)
    with service.read() as db:
        owners = set(
            db.execute(select(ownership.c.partnership_id).where(ownership.c.instance_id == done.instance_id)).scalars()
        )
    assert owners == {"p"}


def test_a_role_in_one_case_starts_no_other(service, who):
    done, _ = begin(service, who)
    give(service, "aud", "clerk", "p", done.instance_id)
    with pytest.raises(NotAllowed):
        service.handler.start(who("aud"), "application_received", APPLICATION, key())


def test_letters_go_to_nobody_whose_role_is_in_another_case(service, who):
    other, _ = begin(service, who)
    give(service, "aud", "officer", "p", other.instance_id)
    done, _ = begin(service, who)
    with service.read() as db:
        told = people.members(db, "officer", None, frozenset({"p"}), service.clock(), done.instance_id)
    assert told == ["bea", "ben"]
