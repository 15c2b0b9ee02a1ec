"""Migrations and the tables in code are the same thing on every kind of database; one head, so two branches collide."""

from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from service.store import schema
from service.store.tables import metadata
from service.store.transaction import reading


def test_migrations_give_the_tables_of_the_code(store):
    assert schema.differences(store) == []


def test_migrating_again_changes_nothing(store):
    schema.migrate(store)
    assert schema.differences(store) == []


def test_there_is_one_head(store):
    with reading(store) as db:
        assert len(ScriptDirectory.from_config(schema.config(db)).get_heads()) == 1


def test_every_constraint_has_a_name_of_ours(store):
    with reading(store) as db:
        found = inspect(db)
        names = [
            key["name"]
            for table in metadata.tables
            for key in (*found.get_foreign_keys(table), *found.get_indexes(table))
        ]
    assert [name for name in names if not str(name).startswith(("fk_", "ix_", "uq_"))] == []
