"""A practice site over the small definition, with people in it, on a real SQLite file."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import insert

from conftest import MINI, SteppedClock
from departing import files
from service.app import create_app
from service.runtime.entering import token_hash
from service.runtime.practice import add_accounts
from service.runtime.service import Service
from service.settings import Settings
from service.store.tables import account, membership, session
from service.store.transaction import transaction
from streets import Streets
from visitor import Page, Visitor, a_day

FILES = {p.relative_to(MINI).as_posix(): p.read_text() for p in sorted(MINI.rglob("*")) if p.is_file()}
SECOND_OFFICER = {
    "id": "second_officer",
    "email": "second@practice.invalid",
    "name": "Second officer",
    "password_hash": "none",
}
ITS_ROLE = {"id": "second", "account_id": "second_officer", "partnership_id": "practice", "role": "officer"}
NUMBERS = count(1)
APPLICATION = {"address": "1 Oak Road", "work": "felling"}


@dataclass
class PracticeSite:
    """The application, its parts and its clock."""

    app: Flask
    service: Service
    clock: SteppedClock

    def visit(self, role: str | None = None) -> Visitor:
        """A browser with an open session of somebody of this role: kept as signing in keeps it, without its hashing."""
        visitor = Visitor(self.app)
        if role:
            token, at = f"token of {role} {next(NUMBERS)}", self.clock()
            row = {"token_hash": token_hash(token), "account_id": role}
            with transaction(self.service.store) as db:
                db.execute(insert(session).values(**row, started_at=at, seen_at=at, second_at=at))
            visitor.client.set_cookie("signed_in", token)
        return visitor

    def started(self) -> Page:
        """A case received on 29 May 2013, as its page; the clerk started it."""
        clerk = self.visit("clerk")
        page = clerk.get("/cases/start")
        return clerk.send(page, "/cases/start/application_received", **APPLICATION, **a_day("received_on", 29, 5, 2013))

    def checked(self) -> Page:
        """A case that waits for its decision."""
        self.started()
        clerk = self.visit("clerk")
        task = clerk.get("/tasks?list=groups").link("Check the application")
        return clerk.send(clerk.get(task), task, complete="yes", notes="All there.")


def open_site(url: str, folder: Path, clock: SteppedClock) -> PracticeSite:
    settings = Settings(practice=True, data_folder=folder)
    app = create_app(settings, clock=clock, mailer=lambda letter: None)
    assert settings.url == url
    return PracticeSite(app, app.extensions["service"], clock)


def close(site: PracticeSite) -> None:
    site.service.store.writers.dispose()
    site.service.store.readers.dispose()


@pytest.fixture(scope="session")
def inhabited(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the small definition deployed and its people in it, made once."""
    folder = tmp_path_factory.mktemp("inhabited")
    shutil.copy(sqlite_template, folder / "cases.db")
    site = open_site(f"sqlite:///{folder / 'cases.db'}", folder, SteppedClock())
    site.service.deployments.deploy(None, FILES, "First version")
    add_accounts(site.service)
    with transaction(site.service.store) as db:
        db.execute(insert(account).values(**SECOND_OFFICER, practice=True))
        db.execute(
            insert(membership).values(
                **ITS_ROLE, granted_by="test", reason="Test", from_at=datetime(2000, 1, 1, tzinfo=UTC)
            )
        )
    close(site)
    return folder / "cases.db"


@pytest.fixture
def site(inhabited: Path, tmp_path: Path, clock: SteppedClock) -> Iterator[PracticeSite]:
    shutil.copy(inhabited, tmp_path / "cases.db")
    site = open_site(f"sqlite:///{tmp_path / 'cases.db'}", tmp_path, clock)
    yield site
    close(site)


@pytest.fixture(scope="session")
def inhabited_departing(inhabited: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same database with the definition whose rules may be departed from, deployed once."""
    folder = tmp_path_factory.mktemp("departing")
    shutil.copy(inhabited, folder / "cases.db")
    site = open_site(f"sqlite:///{folder / 'cases.db'}", folder, SteppedClock())
    site.service.deployments.deploy(None, files(), "With departures")
    close(site)
    return folder / "cases.db"


@pytest.fixture
def departing(inhabited_departing: Path, tmp_path: Path, clock: SteppedClock) -> Iterator[PracticeSite]:
    """A site on which rules may be departed from."""
    shutil.copy(inhabited_departing, tmp_path / "cases.db")
    site = open_site(f"sqlite:///{tmp_path / 'cases.db'}", tmp_path, clock)
    yield site
    close(site)


@pytest.fixture(scope="module")
def streets(shared_database_url, tmp_path_factory) -> Iterator[Streets]:
    """Two partnerships with a case each, on both databases, for all tests of a file."""
    settings = Settings(practice=True, database_url=shared_database_url, data_folder=tmp_path_factory.mktemp("streets"))
    clock = SteppedClock()
    app = create_app(settings, clock=clock, mailer=lambda _: None)
    site = PracticeSite(app, app.extensions["service"], clock)
    site.service.deployments.deploy(None, FILES, "First version")
    add_accounts(site.service)
    yield Streets(site)
    close(site)
