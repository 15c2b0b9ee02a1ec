"""A service over a real database with the small definition deployed and people of each role."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage

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


@pytest.fixture
def service(database_url, clock, post, tmp_path) -> Iterator[Service]:
    settings = Settings(database_url=database_url, data_folder=tmp_path / "var", secret_key="s" * 40)
    service = join(settings, clock, post)
    inhabit(service)
    yield service
    service.store.writers.dispose()
    service.store.readers.dispose()


@pytest.fixture
def who(service):
    """The actor behind a name."""

    def find(name: str) -> Actor:
        with reading(service.store) as db:
            found = people.actor(db, name, service.clock())
        assert found is not None
        return found

    return find
