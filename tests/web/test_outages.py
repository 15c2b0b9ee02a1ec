"""The database away, busy or full: a page that says when to come back, nothing half kept, and it mends by itself.

Every failure here is provoked in a real database; none is raised by a stand-in.
"""

import re
import resource
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import event, func, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

import pages_site
from pages_site import APPLICATION, Site, a_site
from service.store import tables
from service.store.outages import will_pass
from service.store.tables import partnership, process_instance, step
from service.store.transaction import open_store, reading, transaction
from story import COMPLETE

START = "/cases/start/application_received"
RECEIVED = {"received_on-day": "29", "received_on-month": "5", "received_on-year": "2013"}
ASKED = {**{k: v for k, v in APPLICATION.items() if k != "received_on"}, **RECEIVED}
AWAY = "The service cannot be used for a moment"


@pytest.fixture
def here(database_url, tmp_path, clock) -> Iterator[Site]:
    site = a_site(database_url, tmp_path, clock)
    yield site
    pages_site.close(site)


@pytest.fixture
def on_mortal(mortal, tmp_path, clock) -> Iterator[Site]:
    site = a_site(mortal.url, tmp_path, clock)
    yield site
    pages_site.close(site)


@pytest.fixture
def on_sqlite(sqlite_url, tmp_path, clock) -> Iterator[Site]:
    site = a_site(sqlite_url, tmp_path, clock)
    yield site
    pages_site.close(site)


def a_form(site: Site):
    """A browser before the form that starts a case, and what it will send: the page's own key with it."""
    browser = site.browser("ann")
    page = browser.get(START).text
    key = re.search('name="key"[^>]*value="([^"]+)', page)[1]
    return browser, {"csrf_token": browser.token, "key": key, **ASKED}


def send(browser, form):
    return browser.client.post(START, data=form)


def dump(site: Site) -> dict[str, int]:
    with reading(site.service.store) as db:
        others = (tables.record, tables.request, tables.user_task, tables.timer_job, tables.outbox)
        kept = (process_instance, step, *others)
        return {table.name: db.execute(select(func.count()).select_from(table)).scalar_one() for table in kept}


def is_away(answer) -> None:
    assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "30"), answer.text[:300]
    assert AWAY in answer.text
    assert "Traceback" not in answer.text


def is_broken(answer) -> None:
    assert answer.status_code == 500
    assert "Retry-After" not in answer.headers
    assert re.search(r"[Rr]eference[^.]*?[0-9A-Fa-f]{4}", answer.text)
    assert "Traceback" not in answer.text
    assert "no such table" not in answer.text


def is_done(site: Site, answer, before: dict[str, int]) -> None:
    """The same form sent again once all is well starts one case."""
    assert answer.status_code == 303, answer.text[:300]
    now = dump(site)
    assert now["process_instance"] == before["process_instance"] + 1
    assert now["request"] == before["request"] + 1


@contextmanager
def first_of_all(engine, statement: str) -> Iterator[None]:
    """Have every transaction of an engine begin with a statement."""

    def told(db) -> None:
        db.exec_driver_sql(statement)

    event.listen(engine, "begin", told)
    try:
        yield
    finally:
        event.remove(engine, "begin", told)


# --- both ----------------------------------------------------------------------------------------------------------


def test_a_case_locked_for_longer_than_the_limit(here, database_url):
    """Whoever waits too long for a lock is answered; nothing hangs. The limits themselves are the store's tests."""
    browser, form = a_form(here)
    before, store = dump(here), here.service.store
    if store.embedded:
        limit = "PRAGMA busy_timeout=300"
        told = lambda connection, *_: connection.execute(limit)  # noqa: E731
        event.listen(store.writers, "checkout", told)
        with sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            is_away(send(browser, form))
            other.execute("ROLLBACK")
        other.close()
        event.remove(store.writers, "checkout", told)
    else:
        with psycopg.connect(database_url) as other, first_of_all(store.writers, "SET LOCAL lock_timeout = '300ms'"):
            other.execute("SELECT 1 FROM account FOR UPDATE")
            is_away(send(browser, form))
    assert dump(here) == before
    is_done(here, send(browser, form), before)


def test_a_database_that_may_only_be_read(here):
    browser, form = a_form(here)
    before, store = dump(here), here.service.store
    with first_of_all(store.writers, "PRAGMA query_only=ON" if store.embedded else "SET TRANSACTION READ ONLY"):
        is_away(send(browser, form))
        assert browser.client.get("/tasks").status_code == 200
    assert dump(here) == before
    is_done(here, send(browser, form), before)


def test_a_table_that_is_missing_does_not_pass(here):
    browser, form = a_form(here)
    with transaction(here.service.store) as db:
        db.execute(text("ALTER TABLE step RENAME TO gone"))
    is_broken(send(browser, form))
    with transaction(here.service.store) as db:
        db.execute(text("ALTER TABLE gone RENAME TO step"))
    assert send(browser, form).status_code == 303


def test_a_key_that_is_taken_does_not_pass(here):
    row = {"id": "twice", "name": "x"}
    with pytest.raises(DBAPIError) as taken, transaction(here.service.store) as db:
        db.execute(insert(partnership).values([row, row]))
    assert not will_pass(taken.value)


def test_no_free_connection_passes(here):
    browser, _ = a_form(here)
    pool = here.service.store.readers.pool
    pool._timeout, pool._max_overflow = 0.1, 0
    held = [here.service.store.readers.connect() for _ in range(pool.size())]
    with pytest.raises(PoolTimeout) as full, reading(here.service.store):
        pass
    assert will_pass(full.value)
    is_away(browser.client.get("/tasks"))
    for connection in held:
        connection.close()
    assert browser.client.get("/tasks").status_code == 200


# --- PostgreSQL ----------------------------------------------------------------------------------------------------


@pytest.mark.postgres
def test_a_server_killed_and_started_again(on_mortal, mortal):
    browser, form = a_form(on_mortal)
    before = dump(on_mortal)
    mortal.kill()
    is_away(browser.client.get("/tasks"))
    is_away(send(browser, form))
    is_away(on_mortal.app.test_client().get("/sign-in"))
    mortal.start()
    assert browser.client.get("/tasks").status_code == 200
    assert dump(on_mortal) == before
    is_done(on_mortal, send(browser, form), before)


@pytest.mark.postgres
def test_a_server_killed_in_the_middle_of_traffic(on_mortal, mortal):
    """What was acknowledged is there, what was not is not half there, and sending the rest again completes it."""
    forms = [a_form(on_mortal) for _ in range(3)]
    sent, stop = [], threading.Event()

    def work(browser, form) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            mine = {**form, "key": form["key"][:-4] + f"{number:04x}"}
            sent.append((browser, mine, send(browser, mine).status_code))

    threads = [threading.Thread(target=work, args=pair) for pair in forms]
    for thread in threads:
        thread.start()
    while sum(status == 303 for *_, status in list(sent)) < 4:
        stop.wait(0.05)
    mortal.kill()
    while not any(status == 503 for *_, status in list(sent)):
        stop.wait(0.05)
    mortal.start()
    stop.set()
    for thread in threads:
        thread.join()
    assert {status for *_, status in sent} == {303, 503}
    done = sum(status == 303 for *_, status in sent)
    kept = dump(on_mortal)
    assert kept["process_instance"] >= done  # more, where the commit was done and its answer lost
    assert kept["process_instance"] == kept["request"] == kept["record"] == kept["step"]
    refused = [pair for pair in sent if pair[2] == 503][:6]
    for browser, form, _ in [*refused, *(pair for pair in sent if pair[2] == 303)]:
        assert send(browser, form).status_code == 303
    kept = dump(on_mortal)
    assert done + len(refused) <= kept["process_instance"] <= done + sum(status == 503 for *_, status in sent)
    assert kept["process_instance"] == kept["request"] == kept["record"] == kept["step"]


@pytest.mark.postgres
def test_connections_ended_by_the_server_are_not_noticed(on_mortal, mortal):
    browser, form = a_form(on_mortal)
    before = dump(on_mortal)
    end_all(mortal)
    assert browser.client.get("/tasks").status_code == 200
    end_all(mortal)
    is_done(on_mortal, send(browser, form), before)


def end_all(mortal) -> None:
    with psycopg.connect(mortal.url, autocommit=True) as db:
        db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                   "WHERE datname = current_database() AND pid <> pg_backend_pid()")  # fmt: skip


@pytest.mark.postgres
def test_a_connection_ended_within_a_request(on_mortal, mortal):
    browser, form = a_form(on_mortal)
    before, store = dump(on_mortal), on_mortal.service.store
    seen = []

    def end_once(_db, _cursor, sql, *_rest) -> None:
        if sql.startswith("INSERT INTO step") and not seen:
            seen.append(sql)
            end_all(mortal)

    event.listen(store.writers, "before_cursor_execute", end_once)
    is_away(send(browser, form))
    assert seen
    assert dump(on_mortal) == before
    is_done(on_mortal, send(browser, form), before)


@pytest.mark.postgres
def test_an_outage_in_the_worker_is_no_incident_of_the_case(on_mortal, mortal, clock):
    """It would set the case aside, and nobody could mend anything about it."""
    on_mortal.start()
    on_mortal.complete("ann", "check", **COMPLETE)
    clock.pass_by(days=100)
    store, seen = on_mortal.service.store, []

    def end_once(_db, _cursor, sql, *_rest) -> None:
        if sql.startswith("INSERT INTO step") and not seen:
            seen.append(sql)
            end_all(mortal)

    event.listen(store.writers, "before_cursor_execute", end_once)
    with pytest.raises(DBAPIError) as away:
        on_mortal.service.sweeper.sweep()
    assert will_pass(away.value)
    with reading(store) as db:
        assert db.execute(select(tables.incident)).all() == []
    assert on_mortal.service.sweeper.sweep() == 1, "the very next turn does it"


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("limit", "slow"),
    [("statement_timeout", "SELECT pg_sleep(2)"), ("idle_in_transaction_session_timeout", "SELECT 1")],
)
def test_a_limit_that_fires_passes(on_mortal, limit, slow):
    store, wait = on_mortal.service.store, threading.Event()

    def too_slow() -> None:
        with transaction(store) as db:
            db.execute(text(f"SET LOCAL {limit} = '200ms'"))
            db.execute(text(slow))
            wait.wait(0.6)
            db.execute(text("SELECT 1"))

    with pytest.raises(DBAPIError) as fired:
        too_slow()
    assert will_pass(fired.value)
    with transaction(store) as db:
        assert db.execute(text("SELECT 1")).scalar_one() == 1


@pytest.mark.postgres
def test_two_that_wait_for_each_other(on_mortal):
    store, both, failed = on_mortal.service.store, threading.Barrier(2), []
    with transaction(store) as db:
        db.execute(insert(partnership), [{"id": "one", "name": "x"}, {"id": "two", "name": "x"}])

    def take(first: str, second: str) -> None:
        try:
            with transaction(store) as db:
                db.execute(partnership.update().where(partnership.c.id == first).values(name="y"))
                both.wait()
                db.execute(partnership.update().where(partnership.c.id == second).values(name="y"))
        except DBAPIError as failure:
            failed.append(failure)

    threads = [threading.Thread(target=take, args=pair) for pair in (("one", "two"), ("two", "one"))]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert [failure.orig.sqlstate for failure in failed] == ["40P01"]
    assert will_pass(failed[0])


@pytest.mark.postgres
def test_a_server_with_no_room_for_another_connection(on_mortal, mortal):
    name = on_mortal.service.store.writers.url.database
    plain = mortal.url.replace("postgres:@", "plain@")
    with psycopg.connect(mortal.url, autocommit=True) as db:
        db.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
        db.execute("DROP ROLE IF EXISTS plain")
        db.execute("CREATE ROLE plain LOGIN")
    assert plain != mortal.url
    other = open_store(plain)
    with pytest.raises(DBAPIError, match="too many connections") as full, reading(other):
        pass
    assert will_pass(full.value)


# --- SQLite --------------------------------------------------------------------------------------------------------


def test_a_full_disk(on_sqlite):
    browser, form = a_form(on_sqlite)
    before, writers = dump(on_sqlite), on_sqlite.service.store.writers
    with first_of_all(writers, "PRAGMA max_page_count=1"):  # not below what is used already: no page more
        is_away(send(browser, form))
        is_away(send(browser, form))
        assert browser.client.get("/tasks").status_code == 200
        assert dump(on_sqlite) == before
    with first_of_all(writers, "PRAGMA max_page_count=1073741823"):
        is_done(on_sqlite, send(browser, form), before)
    with reading(on_sqlite.service.store) as db:
        assert db.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"


def test_a_disk_that_refuses_to_write(on_sqlite, sqlite_url):
    """The kernel itself refuses each write beyond a size: the log cannot grow."""
    browser, form = a_form(on_sqlite)
    before = dump(on_sqlite)
    size = Path(sqlite_url.removeprefix("sqlite:///") + "-wal").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        answer = send(browser, form)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    is_away(answer)
    assert dump(on_sqlite) == before
    is_done(on_sqlite, send(browser, form), before)


def test_a_file_that_is_gone_is_not_replaced_by_an_empty_one(on_sqlite, sqlite_url):
    browser, form = a_form(on_sqlite)
    before = dump(on_sqlite)
    pages_site.close(on_sqlite)
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    file.rename(file.with_suffix(".away"))
    is_away(browser.client.get("/tasks"))
    is_away(send(browser, form))
    assert not file.exists()
    file.with_suffix(".away").rename(file)
    is_done(on_sqlite, send(browser, form), before)


def test_a_file_that_is_no_database_does_not_pass(on_sqlite, sqlite_url):
    browser, form = a_form(on_sqlite)
    pages_site.close(on_sqlite)
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    content = file.read_bytes()
    file.write_bytes(b"Minutes of the meeting\n" * 400)
    is_broken(send(browser, form))
    file.write_bytes(content)
    assert send(browser, form).status_code == 303
