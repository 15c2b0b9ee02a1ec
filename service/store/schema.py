"""Bring a database to the schema of this release, by numbered migrations only.

Migrations never edit a step or a record: the history is as it was written.
"""

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from service.store.tables import metadata
from service.store.transaction import Store, reading, transaction


def migrate(store: Store, then: Callable[[Connection, str | None], None] | None = None) -> None:
    """Apply every migration that is missing; repeating it changes nothing.

    ``then`` is called in the same transaction with the revision the database had before, ``None`` if it was empty.
    """
    with transaction(store) as db:
        before = MigrationContext.configure(db).get_current_revision()
        command.upgrade(config(db), "head")
        if then is not None:
            then(db, before)


def differences(store: Store) -> list[object]:
    """What the tables in code and the migrated database do not agree on; empty when all is well."""
    with reading(store) as db:
        return list(compare_metadata(MigrationContext.configure(db, opts={"compare_type": True}), metadata))


def config(db: Connection) -> Config:
    """Alembic's configuration for a connection."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    settings.attributes["connection"] = db
    return settings
