"""The contract of the store on every kind of database: all or nothing, writers queue, readers never block."""

import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from service.store.tables import account, membership, partnership, session
from service.store.transaction import reading, transaction


def names(store):
    with reading(store) as db:
        return set(db.execute(select(partnership.c.id)).scalars())


def test_what_a_block_writes_is_kept_when_it_ends_well(store):
    with transaction(store) as db:
        db.execute(insert(partnership).values(id="north", name="North"))
    assert names(store) == {"north"}


def test_nothing_is_kept_when_it_raises(store):
    def write_and_fail():
        with transaction(store) as db:
            db.execute(insert(partnership).values(id="north", name="North"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert names(store) == set()


def test_what_a_reader_writes_is_undone(store):
    with reading(store) as db:
        db.execute(insert(partnership).values(id="north", name="North"))
    assert names(store) == set()


def test_a_reader_sees_one_picture_while_another_writes(store):
    with reading(store) as db:
        before = set(db.execute(select(partnership.c.id)).scalars())
        with transaction(store) as other:
            other.execute(insert(partnership).values(id="north", name="North"))
        assert before == set()
    assert names(store) == {"north"}


def test_writers_queue_and_none_is_lost(store):
    failures = []

    def write(number):
        try:
            with transaction(store) as db:
                db.execute(select(partnership.c.id)).all()
                db.execute(insert(partnership).values(id=f"p{number}", name="One of many"))
        except Exception as failure:  # noqa: BLE001 - whatever it is, the test must see it
            failures.append(failure)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert names(store) == {f"p{number}" for number in range(12)}


def test_references_are_kept_by_the_database(store):
    row = {"id": "m", "account_id": "nobody", "partnership_id": "nowhere", "role": "clerk", "agency": None}
    given = {"granted_by": "x", "reason": "y", "from_at": datetime(2026, 1, 1, tzinfo=UTC)}
    with pytest.raises(IntegrityError), transaction(store) as db:
        db.execute(insert(membership).values({**row, **given}))


def test_an_instant_comes_back_as_it_was(store):
    at = datetime(2026, 3, 29, 0, 59, 59, 999_999, tzinfo=UTC)
    with transaction(store) as db:
        who = {"id": "a", "email": "a@mail.example", "name": "A", "password_hash": "-", "practice": True}
        db.execute(insert(account).values(who))
        db.execute(insert(session).values(token_hash="t", account_id="a", started_at=at, seen_at=at))
    with reading(store) as db:
        assert db.execute(select(session.c.started_at)).scalar_one() == at


def test_an_instant_without_a_zone_is_refused(store):
    with pytest.raises(Exception, match="needs a time zone"), transaction(store) as db:
        db.execute(select(session).where(session.c.started_at > datetime(2026, 1, 1)))  # noqa: DTZ001 - the point


def test_what_was_acknowledged_is_on_disk(store):
    """On SQLite every commit is synchronised; on PostgreSQL no answer is given before the log is written."""
    with transaction(store) as db:
        if store.embedded:
            assert db.execute(text("PRAGMA synchronous")).scalar_one() == 2
            assert db.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        else:
            assert db.execute(text("SHOW synchronous_commit")).scalar_one() == "on"
