"""The database keeps what it says, on SQLite and on PostgreSQL alike."""

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import event, insert, select, text
from sqlalchemy.exc import StatementError

from service.store.schema import differences, migrate
from service.store.tables import draft, partnership, practice_clock, process_definition
from service.store.transaction import reading, transaction

AT = datetime(2026, 3, 29, 0, 30, 15, 123456, tzinfo=UTC)


def deployed(at: datetime) -> dict[str, object]:
    row = {"hash": "h", "key": "k", "version": 1, "bundle": "{}", "note": "", "deployed_by": "x"}
    return {**row, "deployed_at": at}


def test_the_migrations_make_the_tables_of_the_code_and_can_be_repeated(store):
    assert differences(store) == []
    migrate(store)
    assert differences(store) == []


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=1)), timezone(timedelta(hours=-11))])
def test_an_instant_comes_back_the_same_to_the_microsecond_and_in_utc(store, zone):
    with transaction(store) as db:
        db.execute(insert(process_definition).values(deployed(AT.astimezone(zone))))
    with reading(store) as db:
        kept = db.execute(select(process_definition.c.deployed_at)).scalar_one()
    assert (kept, kept.tzinfo) == (AT, UTC)


def test_an_instant_without_a_zone_is_refused(store):
    naive = AT.replace(tzinfo=None)
    with pytest.raises(StatementError, match="time zone"), transaction(store) as db:
        db.execute(insert(process_definition).values(deployed(naive)))


def test_an_error_keeps_nothing(store):
    def half() -> None:
        with transaction(store) as db:
            db.execute(insert(partnership).values(id="p", name="P"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    with reading(store) as db:
        assert db.execute(select(partnership)).all() == []


def test_reading_keeps_nothing(store):
    with reading(store) as db:
        db.execute(insert(partnership).values(id="p", name="P"))
    with reading(store) as db:
        assert db.execute(select(partnership)).all() == []


def test_what_refers_to_nothing_is_refused(store):
    row = {"id": "d", "name": "d", "based_on": "nothing", "files": "{}", "version": 1, "updated_by": "x"}
    with pytest.raises(Exception, match=r"(?i)foreign key"), transaction(store) as db:
        db.execute(insert(draft).values(**row, updated_at=AT))


def test_writers_who_read_first_lose_no_update(store):
    """Four threads read a number and write it plus one, twenty times each."""
    with transaction(store) as db:
        db.execute(insert(practice_clock).values(id=1, seconds_ahead=0))

    def add():
        for _ in range(20):
            with transaction(store) as db:
                wanted = select(practice_clock.c.seconds_ahead).with_for_update()
                found = db.execute(wanted).scalar_one()
                db.execute(practice_clock.update().values(seconds_ahead=found + 1))

    threads = [threading.Thread(target=add) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    with reading(store) as db:
        assert db.execute(select(practice_clock.c.seconds_ahead)).scalar_one() == 80


def test_a_reader_does_not_stop_a_writer(store):
    with reading(store) as one:
        assert one.execute(select(partnership)).all() == []
        with transaction(store) as db:
            db.execute(insert(partnership).values(id="p", name="P"))
        with reading(store) as other:
            assert len(other.execute(select(partnership)).all()) == 1


def test_sqlite_loses_nothing_it_acknowledged(sqlite_url, store):
    """Full synchronisation, write-ahead log, and a writer that takes its lock as it begins."""
    if not store.embedded:
        pytest.skip("these are SQLite's own settings")
    begun: list[str] = []
    event.listen(store.writers, "before_cursor_execute", lambda _c, _cur, sql, *_: begun.append(sql))
    with transaction(store) as db:
        settings = [
            db.execute(text(f"PRAGMA {name}")).scalar() for name in ("synchronous", "journal_mode", "foreign_keys")
        ]
    assert settings == [2, "wal", 1]
    assert begun[0] == "BEGIN IMMEDIATE"
