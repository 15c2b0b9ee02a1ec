"""What both databases promise alike, beyond keeping a block whole: locks, collisions, characters, limits."""

import sqlite3
import sys
import threading
from datetime import UTC, datetime

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from conftest import dispose
from service.core.chain import START, Step
from service.core.engine.state_seal import StateKeys
from service.core.errors import BrokenRule, NotFound, StateDamaged
from service.core.values import sha256
from service.store import instances
from service.store.alone import alone
from service.store.outages import will_pass
from service.store.tables import partnership, practice_clock, process_definition, process_instance, step
from service.store.transaction import open_store, reading, transaction

AT = datetime(2026, 3, 29, 0, 30, 15, 123456, tzinfo=UTC)
DEFINITION = {"hash": "h", "key": "k", "version": 1, "bundle": "{}", "note": "", "deployed_by": "x", "deployed_at": AT}


def a_step(seq: int, prev: str = START) -> Step:
    return Step(
        instance_id="case", seq=seq, at=AT, actor="ann", definition="h", command={}, events=(),
        state_hash=sha256(b"s%d" % seq), logic=1, prev_hash=prev, hash="",
    )  # fmt: skip


@pytest.fixture
def case(store) -> str:
    """A case that has taken one step; the hash of it."""
    with transaction(store) as db:
        db.execute(insert(process_definition).values(DEFINITION))
        instances.add(db, instance_id="case", code="C-1", definition_hash="h", at=AT, partnerships=frozenset())
        taken = instances.append(db, a_step(1))
        instances.keep(db, taken, state=b"s1", next_due=None, ended=None)
    return taken.hash


# --- the lock of a case --------------------------------------------------------------------------------------------


def test_the_second_writer_waits_and_sees_what_the_first_did(store, case):
    holds, seen, order = threading.Event(), [], []

    def second() -> None:
        holds.wait(10)
        with transaction(store) as db:
            seen.append(instances.hold(db, "case").seq)
            order.append("second")

    other = threading.Thread(target=second)
    other.start()
    with transaction(store) as db:
        held = instances.hold(db, "case")
        holds.set()
        other.join(0.3)
        assert other.is_alive(), "it waits"
        taken = instances.append(db, a_step(2, held.head_hash))
        instances.keep(db, taken, state=b"s2", next_due=None, ended=None)
        order.append("first")
    other.join()
    assert (seen, order) == ([2], ["first", "second"])


@pytest.mark.postgres
def test_a_sweeper_passes_by_what_somebody_holds(postgres_url):
    """On SQLite the whole database is the lock, so there is nothing to pass by."""
    store = open_store(postgres_url, StateKeys.of("k" * 40))
    with transaction(store) as db:
        db.execute(insert(process_definition).values(DEFINITION))
        instances.add(db, instance_id="case", code="C-1", definition_hash="h", at=AT, partnerships=frozenset())
        instances.keep(db, instances.append(db, a_step(1)), state=b"s1", next_due=None, ended=None)
    with transaction(store) as one:
        instances.hold(one, "case")
        with transaction(store) as other, pytest.raises(NotFound):
            instances.hold(other, "case", skip_locked=True)
    with transaction(store) as other:
        assert instances.hold(other, "case", skip_locked=True).seq == 1
    dispose(store)


@pytest.mark.parametrize("clash", ["the same number", "the same step before", "the same version"])
def test_two_writers_collide_even_without_the_lock(store, case, clash):
    """Both read the case before either wrote, as they would if the lock failed; the second one is refused."""
    with transaction(store) as db:
        instances.keep(db, instances.append(db, a_step(2, case)), state=b"s2", next_due=None, ended=None)
    late = {
        "the same number": lambda db: instances.append(db, a_step(2, "another")),
        "the same step before": lambda db: instances.append(db, a_step(3, case)),
        "the same version": lambda db: instances.keep(db, a_step(2, case), state=b"x", next_due=None, ended=None),
    }[clash]
    with pytest.raises((IntegrityError, StateDamaged)) as refused, transaction(store) as db:
        late(db)
    assert not will_pass(refused.value)
    with reading(store) as db:
        assert db.execute(select(func.count()).select_from(step)).scalar_one() == 2
        assert db.execute(select(process_instance.c.state)).scalar_one() == "s2"


def test_only_one_process_at_a_time_is_alone(database_url, store):
    other = open_store(database_url)
    with alone(store) as first:
        with alone(other) as second:
            assert (first, second) == (True, False)
        with alone(other) as third:
            assert not third, "whoever came second let nothing go that was not theirs"
    with alone(other) as fourth:
        assert fourth
    dispose(other)


# --- readers -------------------------------------------------------------------------------------------------------


def test_a_reader_keeps_one_picture_across_statements_while_others_write(store):
    with transaction(store) as db:
        db.execute(insert(partnership).values(id="a", name="x"))
    with reading(store) as db:
        assert db.execute(select(func.count()).select_from(partnership)).scalar_one() == 1
        for number in range(3):
            with transaction(store) as other:
                other.execute(insert(partnership).values(id=f"b{number}", name="x"))
                other.execute(update(partnership).values(name="y"))
            assert db.execute(select(partnership.c.name)).scalars().all() == ["x"]
    with reading(store) as db:
        assert set(db.execute(select(partnership.c.name)).scalars()) == {"y"}


def test_a_writer_at_work_stops_no_reader(store):
    with transaction(store) as db:
        db.execute(insert(partnership).values(id="a", name="x"))
        with reading(store) as other:
            assert other.execute(select(partnership)).all() == []


def test_every_transaction_begins_as_it_should(store):
    """What is really executed: SQLite's writers take the lock as they begin, its readers never do."""
    begun: dict[str, list[str]] = {"writers": [], "readers": []}
    for name, sqls in begun.items():
        event.listen(getattr(store, name), "before_cursor_execute", lambda _c, _u, sql, *_, sqls=sqls: sqls.append(sql))
    with transaction(store) as db:
        db.execute(select(partnership))
        isolation = None if store.embedded else db.execute(text("SHOW transaction_isolation")).scalar_one()
    with reading(store) as db:
        db.execute(select(partnership))
        read = None if store.embedded else db.execute(text("SHOW transaction_isolation")).scalar_one()
    if store.embedded:
        assert (begun["writers"][0], begun["readers"][0]) == ("BEGIN IMMEDIATE", "BEGIN")
    else:
        assert (isolation, read) == ("read committed", "repeatable read")


def test_deferred_writers_would_fail_where_ours_queue(sqlite_url):
    """Why BEGIN IMMEDIATE: two that begin as readers and then write cannot both go on, whatever the timeout."""
    one, two = (
        sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None, timeout=5, check_same_thread=False)
        for _ in range(2)
    )
    for connection in (one, two):
        connection.execute("BEGIN")
        connection.execute("SELECT * FROM partnership").fetchall()
    one.execute("INSERT INTO partnership VALUES ('a', 'x')")
    one.execute("COMMIT")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        two.execute("INSERT INTO partnership VALUES ('b', 'x')")
    one.close()
    two.close()


# --- what can be kept ----------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS)
def test_a_text_comes_back_letter_by_letter(store, written):
    with transaction(store) as db:
        db.execute(partnership.delete())
        db.execute(insert(partnership).values(id="p", name=written))
    with reading(store) as db:
        assert db.execute(select(partnership.c.name)).scalar_one() == written


def test_every_legal_character_and_a_megabyte(store):
    every = "".join(chr(n) for n in range(1, sys.maxunicode + 1) if not 0xD800 <= n <= 0xDFFF)
    with transaction(store) as db:
        db.execute(insert(partnership), [{"id": "all", "name": every}, {"id": "long", "name": "ä" * 1_000_000}])
    with reading(store) as db:
        kept = dict(db.execute(select(partnership.c.id, partnership.c.name)).all())
    assert kept == {"all": every, "long": "ä" * 1_000_000}


@pytest.mark.parametrize("bad", ["a\0b", "\0", "\ud800", "x\udfff", "\ud83d!"])
@pytest.mark.parametrize("how", ["insert", "update", "select", "many"])
def test_what_only_one_of_them_would_keep_reaches_neither(store, bad, how):
    reached = []
    event.listen(store.writers, "after_cursor_execute", lambda _c, _u, sql, *_: reached.append(sql))
    asked = {
        "insert": insert(partnership).values(id="p", name=bad), "update": update(partnership).values(name=bad),
        "select": select(partnership).where(partnership.c.name.in_(["fine", bad])),
        "many": insert(partnership),
    }[how]  # fmt: skip
    with transaction(store) as db:
        with pytest.raises(BrokenRule, match="cannot be kept"):
            db.execute(asked, [{"id": "1", "name": "x"}, {"id": "2", "name": bad}] if how == "many" else None)
        assert [sql for sql in reached if "partnership" in sql] == []
        db.execute(insert(partnership).values(id="after", name="still usable"))


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1, 2**63, 10**400])
def test_a_number_that_only_one_of_them_would_keep_reaches_neither(store, number):
    with pytest.raises(BrokenRule, match="larger"), transaction(store) as db:
        db.execute(insert(practice_clock).values(id=1, seconds_ahead=number))


def test_the_largest_numbers_are_kept(store):
    with transaction(store) as db:
        db.execute(insert(practice_clock), [{"id": n, "seconds_ahead": n} for n in (2**31 - 1, 1 - 2**31)])
    with reading(store) as db:
        assert set(db.execute(select(practice_clock.c.id)).scalars()) == {2**31 - 1, 1 - 2**31}


def test_a_text_too_long_for_its_column_is_refused_by_both(store):
    fits = {**DEFINITION, "hash": "h" * 64}
    with transaction(store) as db:
        db.execute(insert(process_definition).values(fits))
        with pytest.raises(BrokenRule, match="longer than the 64 characters"):
            db.execute(insert(process_definition).values({**DEFINITION, "version": 2, "hash": "h" * 65}))
        assert db.execute(select(process_definition).where(process_definition.c.hash == "h" * 65)).all() == []


@pytest.mark.parametrize("year", [1, 1582, 1899, 1970, 2038, 9999])
def test_an_instant_of_any_year_comes_back(store, year):
    at = datetime(year, 6, 30, 23, 59, 59, 999_999, tzinfo=UTC)
    with transaction(store) as db:
        db.execute(insert(process_definition).values({**DEFINITION, "deployed_at": at}))
    with reading(store) as db:
        assert db.execute(select(process_definition.c.deployed_at)).scalar_one() == at
        assert db.execute(select(process_definition).where(process_definition.c.deployed_at < at)).all() == []


# --- connections ---------------------------------------------------------------------------------------------------


def test_a_connection_carries_nothing_over_from_its_last_user(store):
    if store.embedded:
        left = ["CREATE TEMP TABLE mine (x)", "PRAGMA foreign_keys=OFF", "PRAGMA synchronous=OFF"]
    else:
        left = [
            "CREATE TEMP TABLE mine (x int)", "SET lock_timeout = 0", "SET synchronous_commit = off",
            "SET search_path = nowhere", "SET myapp.agency = 'theirs'", "SELECT pg_advisory_lock(77)",
        ]  # fmt: skip
    with transaction(store) as db:
        first = id(db.connection.dbapi_connection)
        for statement in left[:1] if store.embedded else left:
            db.exec_driver_sql(statement)
    if store.embedded:
        with store.writers.connect() as db:  # outside a transaction, where the pragmas count
            for statement in left[1:]:
                db.connection.dbapi_connection.execute(statement)
    with transaction(store) as db:
        assert id(db.connection.dbapi_connection) == first, "the same connection"
        if store.embedded:
            pragmas = [db.execute(text(f"PRAGMA {name}")).scalar() for name in ("foreign_keys", "synchronous")]
            assert pragmas == [1, 2]
            assert db.execute(text("SELECT count(*) FROM temp.sqlite_master")).scalar_one() == 0
            return
        found = [db.execute(text(f"SHOW {name}")).scalar_one() for name in ("lock_timeout", "synchronous_commit")]
        assert found == ["5s", "on"]
        assert db.execute(text("SELECT current_setting('myapp.agency', true)")).scalar_one() in {None, ""}
        assert db.execute(text("SELECT to_regclass('mine')")).scalar_one() is None
        assert db.execute(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")).scalar_one() == 0


@pytest.mark.postgres
def test_a_connection_the_server_ended_is_replaced_unseen(postgres_url):
    store = open_store(postgres_url)
    for engine in (store.writers, store.readers):
        with engine.connect() as db:
            number = db.connection.dbapi_connection.info.backend_pid
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [number])
        with engine.connect() as db:
            assert db.execute(text("SELECT pg_backend_pid()")).scalar_one() != number
    dispose(store)


@pytest.mark.postgres
def test_whoever_waits_too_long_for_a_lock_is_told(postgres_url):
    """The limit that is set on every connection, as it is."""
    store = open_store(postgres_url)
    with psycopg.connect(postgres_url) as other:
        other.execute("LOCK TABLE partnership")
        with pytest.raises(DBAPIError) as told, transaction(store) as db:
            db.execute(select(partnership))
    assert told.value.orig.sqlstate == "55P03"
    assert will_pass(told.value)
    dispose(store)
