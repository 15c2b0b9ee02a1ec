"""History, log and checkpoints only grow: the database itself refuses anything else, whoever asks."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from service.store.tables import checkpoint, leaf, process_definition, process_instance, step
from service.store.transaction import reading, transaction

AT = datetime(2026, 3, 29, tzinfo=UTC)
THE_REST = "at, 'b', definition_hash, command, events, state_hash, logic, prev_hash, hash"
GROWING = ["step", "leaf", "checkpoint"]


@pytest.fixture
def filled(store):
    with transaction(store) as db:
        db.execute(insert(process_definition).values(
            hash="h", key="k", version=1, bundle="{}", note="", deployed_by="x", deployed_at=AT))  # fmt: skip
        db.execute(insert(process_instance).values(
            id="i", code="C", definition_hash="h", version=1, state="", head_hash="1", status="running", started_at=AT
        ))  # fmt: skip
        db.execute(insert(step).values(a_step()))
        db.execute(insert(leaf).values(index=0, instance_id="i", seq=1, hash="1"))
        db.execute(insert(checkpoint).values(size=1, root="r", frontier="r", note="n", at=AT))
    return store


def a_step(**other):
    row = {"instance_id": "i", "seq": 1, "at": AT, "actor": "a", "definition_hash": "h", "command": "{}"}
    row |= {"events": "[]", "state_hash": "s", "logic": 1, "prev_hash": "0", "hash": "1"}
    return row | other


def rows(store):
    with reading(store) as db:
        return [db.execute(text(f"SELECT * FROM {table}")).all() for table in GROWING]


def refused(store, statement: str) -> None:
    before = rows(store)
    with pytest.raises(DBAPIError, match="never changed or removed"), transaction(store) as db:
        db.execute(text(statement))
    assert rows(store) == before
    assert all(before)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE step SET actor = 'b'", "UPDATE leaf SET hash = '2'", "UPDATE checkpoint SET note = 'm'",
        "DELETE FROM leaf", "DELETE FROM checkpoint",
    ],
)  # fmt: skip
def test_no_row_is_changed_or_removed(filled, statement):
    refused(filled, statement)


def test_no_step_is_removed_even_when_nothing_names_it(filled):
    with transaction(filled) as db:
        db.execute(insert(step).values(a_step(seq=2, prev_hash="1", hash="2")))
    refused(filled, "DELETE FROM step WHERE seq = 2")


@pytest.mark.parametrize("table", GROWING)
def test_no_table_is_emptied(filled, table):
    if filled.embedded:
        pytest.skip("SQLite has no TRUNCATE")
    refused(filled, f"TRUNCATE {table} CASCADE")


@pytest.mark.parametrize(
    "statement",
    [
        f"INSERT OR REPLACE INTO step SELECT instance_id, seq, {THE_REST} FROM step",
        f"INSERT OR REPLACE INTO step SELECT instance_id, 2, {THE_REST} FROM step",
        "INSERT OR REPLACE INTO leaf VALUES (0, 'i', 1, '2')",
        "INSERT OR REPLACE INTO leaf VALUES (1, 'i', 1, '2')",
        "INSERT OR REPLACE INTO checkpoint VALUES (1, 'r', 'r', 'm', '2026-03-29')",
    ],
)
def test_no_row_is_replaced(filled, statement):
    if not filled.embedded:
        pytest.skip("PostgreSQL has no INSERT OR REPLACE")
    refused(filled, statement)


def test_adding_stays_possible(filled):
    with transaction(filled) as db:
        db.execute(insert(step).values(a_step(seq=2, prev_hash="1", hash="2")))
        db.execute(insert(leaf).values(index=1, instance_id="i", seq=2, hash="2"))
        db.execute(insert(checkpoint).values(size=2, root="r", frontier="r", note="n", at=AT))
    assert [len(found) for found in rows(filled)] == [2, 2, 2]


@pytest.mark.parametrize("again", [{"index": 1, "seq": 1}, {"index": 0, "seq": 2}])
def test_no_step_has_two_places_and_no_place_two_steps(filled, again):
    with transaction(filled) as db:
        db.execute(insert(step).values(a_step(seq=2, prev_hash="1", hash="2")))
    with pytest.raises(DBAPIError), transaction(filled) as db:
        db.execute(insert(leaf).values(instance_id="i", hash="1", **again))
