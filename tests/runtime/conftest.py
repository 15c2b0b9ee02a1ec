"""A service over a real database with the small definition deployed and people of each role."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

import pytest

from service.core.access import Actor
from service.runtime.service import Service, join
from service.settings import Settings
from service.store import people
from service.store.transaction import reading
from story import inhabit


@dataclass
class Post:
    """A mailer that keeps what it is given, or fails when told to."""

    sent: list[EmailMessage] = field(default_factory=list)
    fails: bool = False

    def __call__(self, message: EmailMessage) -> None:
        if self.fails:
            raise OSError("no mail server")
        self.sent.append(message)


@pytest.fixture
def post() -> Post:
    return Post()


@contextmanager
def a_service(url: str, clock, post: Post, folder: Path) -> Iterator[tuple[Service, Callable[[str], Actor]]]:
    """A service over a migrated database with people and the small definition; and the actor behind a name."""
    settings = Settings(database_url=url, data_folder=folder / "var", secret_key="s" * 40)
    service = join(settings, clock, post)
    inhabit(service)

    def find(name: str) -> Actor:
        with reading(service.store) as db:
            found = people.actor(db, name, service.clock())
        assert found is not None
        return found

    yield service, find
    service.store.writers.dispose()
    service.store.readers.dispose()


@pytest.fixture
def joined(database_url, clock, post, tmp_path) -> Iterator[tuple[Service, Callable[[str], Actor]]]:
    with a_service(database_url, clock, post, tmp_path) as found:
        yield found


@pytest.fixture
def service(joined) -> Service:
    return joined[0]


@pytest.fixture
def who(joined) -> Callable[[str], Actor]:
    """The actor behind a name."""
    return joined[1]
