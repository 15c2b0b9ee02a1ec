"""Bring a database to the schema of this release, by numbered migrations only.

Migrations never edit a step or a record: the history is as it was written. A database of another schema is neither
migrated backwards nor served: ``SettingsRefused``.
"""

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from service.settings import SettingsRefused
from service.store.dumping import unhurried
from service.store.tables import metadata
from service.store.transaction import Store, reading, transaction

LOCK = 0x0CA5E  # any number that is ours: whoever migrates holds it, so two releases that start at once queue
EMPTY = "The database is empty. Run “service migrate” first."


def migrate(store: Store, then: Callable[[Connection, str | None], None] | None = None) -> None:
    """Apply every migration that is missing; repeating it changes nothing.

    ``then`` is called in the same transaction with the revision the database had before, ``None`` if it was empty.
    Raises ``SettingsRefused`` for a database that a newer release has migrated, or that is not ours.
    """
    if store.embedded:
        Path(str(store.writers.url.database)).touch()  # the only place where a database begins
    with transaction(store) as db:
        if not store.embedded:
            db.execute(text("SET LOCAL statement_timeout = 0"))  # a large table may take its time
            db.execute(text("SET LOCAL lock_timeout = 0"))
            db.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        _refuse_another(db)
        before = MigrationContext.configure(db).get_current_revision()
        command.upgrade(config(db), "head")
        if then is not None:
            then(db, before)


def rebuild(store: Store, revision: str, fill: Callable[[Connection], None]) -> None:
    """Make an empty database anew: bring it to a revision, let ``fill`` put rows in, and go on to this release's.

    All in one transaction: whatever fails leaves the database as empty as it was, and an embedded one not there at
    all. Raises ``SettingsRefused`` for a database that holds anything, or a revision this release does not know.
    """
    file = Path(str(store.writers.url.database)) if store.embedded else None
    begun = file is not None and not file.exists()
    if file is not None:
        file.touch()
    try:
        with transaction(store) as db:
            unhurried(db)
            if not store.embedded:
                db.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            _require_empty(db)
            _require_known(db, revision)
            command.upgrade(config(db), revision)
            fill(db)
            command.upgrade(config(db), "head")
    except BaseException:
        if file is not None and begun:
            store.writers.dispose()
            store.readers.dispose()
            for left in (file, *(file.with_name(file.name + end) for end in ("-wal", "-shm"))):
                left.unlink(missing_ok=True)
        raise


def require_current(store: Store) -> None:
    """Raise ``SettingsRefused`` unless the database has exactly the schema of this release."""
    if store.embedded and not Path(str(store.writers.url.database)).exists():
        raise SettingsRefused(EMPTY)
    with reading(store) as db:
        _refuse_another(db)
        found, wanted = _revision(db), _script(db).get_current_head()
    if found is None:
        raise SettingsRefused(EMPTY)
    if found != wanted:
        raise SettingsRefused(
            f"The database has the schema {found} of an earlier release; this release needs {wanted}. "
            "Make a backup, then run “service migrate”."
        )


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


def _script(db: Connection) -> ScriptDirectory:
    return ScriptDirectory.from_config(config(db))


def _revision(db: Connection) -> str | None:
    return MigrationContext.configure(db).get_current_revision()


def _require_empty(db: Connection) -> None:
    if found := inspect(db).get_table_names():
        raise SettingsRefused(
            f"The database is not empty: it holds a table “{min(found)}”. Nothing was touched. A backup is restored "
            "into an empty database only: name a new one in CASEWORK_DATABASE_URL, or move this one away."
        )


def _require_known(db: Connection, revision: str) -> None:
    if revision not in {script.revision for script in _script(db).walk_revisions()}:
        raise SettingsRefused(
            f"The backup has the schema {revision}, which this release does not know: a newer one made it. "
            "Restore it with that release."
        )


def revision_of(db: Connection) -> str | None:
    """The revision of a database, ``None`` of an empty one."""
    return _revision(db)


def _refuse_another(db: Connection) -> None:
    found = _revision(db)
    if found is None and (foreign := set(inspect(db).get_table_names()) & set(metadata.tables)):
        raise SettingsRefused(
            f"The database holds a table “{min(foreign)}” that this service did not make. "
            "Name a database of its own in CASEWORK_DATABASE_URL."
        )
    if found is not None and found not in {script.revision for script in _script(db).walk_revisions()}:
        raise SettingsRefused(
            f"The database has the schema {found}, which this release does not know: a newer one has used it. "
            "Start that release, or restore the backup that was made before it."
        )
