"""The second net: PostgreSQL itself keeps back what a person may not know of, even where a query forgot to ask."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select, true

from service.core.access import Actor, Membership
from service.store import queries, reach
from service.store.tables import (
    account,
    denial,
    membership,
    ownership,
    partnership,
    process_definition,
    process_instance,
    record,
    user_task,
)
from service.store.transaction import open_store, reading, reading_for, transaction

AT = datetime(2013, 5, 29, 9, 0, tzinfo=UTC)
ROLES = {
    "lead": {"id": "lead", "scope": "agency", "reach": "called"},
    "runs": {"id": "runs", "scope": "partnership", "reach": "all", "sees": "case"},
    "mends": {"id": "mends", "scope": "partnership", "reach": "named", "operates": True},
}
PEOPLE = {"a": ("lead", "a"), "b": ("lead", "b"), "run": ("runs", None), "mend": ("mends", None)}

pytestmark = pytest.mark.postgres


@pytest.fixture
def peopled(postgres_url):
    """Two cases; in the first one each of two agencies has a task and a record, in the second only ``b``."""
    store = open_store(postgres_url)
    with transaction(store) as db:
        reach.write(db, ROLES)
        db.execute(insert(partnership).values(id="p", name="P"))
        db.execute(insert(process_definition).values(
            hash="h", key="k", version=1, bundle="{}", note="", deployed_by="x", deployed_at=AT
        ))  # fmt: skip
        for who, (role, agency) in PEOPLE.items():
            db.execute(insert(account).values(id=who, email=who, name=who, password_hash="", practice=True))
            db.execute(insert(membership).values(
                id=who, account_id=who, partnership_id="p", role=role, agency=agency, granted_by="x", reason="x",
                from_at=AT,
            ))  # fmt: skip
        for case, agencies in {"one": "ab", "two": "b"}.items():
            db.execute(insert(process_instance).values(
                id=case, code=case, definition_hash="h", version=1, state="", head_hash="", status="running",
                started_at=AT,
            ))  # fmt: skip
            db.execute(insert(ownership).values(instance_id=case, partnership_id="p"))
            for agency in agencies:
                at = {"id": f"{case}{agency}", "instance_id": case, "agency": agency, "definition_hash": "h"}
                db.execute(insert(record).values(
                    **at, seq=1, form="f", title=agency, access="c", author=agency, at=AT, answers="{}", salt="",
                    hash="",
                ))  # fmt: skip
                del at["definition_hash"]
                db.execute(insert(user_task).values(
                    **at, process_id="p", element_id="e", name=agency, role="lead", due_basis="", opened_at=AT
                ))  # fmt: skip
    yield store
    store.writers.dispose()
    store.readers.dispose()


def found(store, who, *, at=AT, table=record):
    """The ids that the database gives a person for a query that asks for everything."""
    end = reading_for(who, at)
    try:
        with reading(store) as db:
            return set(db.execute(select(table.c.id)).scalars())
    finally:
        end()


def test_a_query_that_asks_for_everything_gives_a_person_only_what_they_may_know_of(peopled):
    assert found(peopled, "a") == {"onea"}
    assert found(peopled, "b") == {"oneb", "twob"}
    assert found(peopled, "run") == {"onea", "oneb", "twob"}
    assert found(peopled, "a", table=process_instance) == {"one"}
    assert found(peopled, "a", table=user_task) == {"onea"}
    assert found(peopled, "nobody") == set()
    assert found(peopled, "a", at=AT - timedelta(days=1)) == set(), "before the membership began"
    assert found(peopled, "mend") == set(), "who mends cases reads no record"
    assert found(peopled, "mend", table=process_instance) == {"one", "two"}


def test_with_the_clauses_of_need_to_know_taken_away_an_agency_still_gets_nothing_of_another(peopled, monkeypatch):
    person = Actor("a", "A", "", (Membership("lead", "a", "p"),))
    for clause in ("visible", "seen", "reaches"):
        monkeypatch.setattr(reach, clause, lambda _: true())
    with reading(peopled) as db:
        assert len(queries.case_tasks(db, person, "one")) == 2, "the first net is really gone"
    end = reading_for("a", AT)
    with reading(peopled) as db:
        assert [row.name for row in queries.case_tasks(db, person, "one")] == ["a"]
        assert [case.code for case in queries.cases(db, person)] == ["one"]
        assert queries.case(db, person, "two") is None
    end()


def test_who_is_shut_out_gets_nothing_from_the_database_either(peopled):
    with transaction(peopled) as db:
        db.execute(insert(denial).values(instance_id="one", number=1, agency="b", seq=1, at=AT, by="run"))
    assert found(peopled, "b") == {"twob"}
    assert found(peopled, "a") == {"onea"}


def test_a_connection_that_comes_back_does_not_keep_the_person(peopled):
    assert found(peopled, "a") == {"onea"}
    with peopled.readers.connect() as db:
        settings = select(func.current_setting("casework.account", true()), func.current_setting("role"))
        assert tuple(db.execute(settings).one()) in {("", "none"), (None, "none")}
    with reading(peopled) as db:
        assert len(list(db.execute(select(record.c.id)))) == 3, "the service's own work sees everything"
    with transaction(peopled) as db:
        assert len(list(db.execute(select(record.c.id)))) == 3
