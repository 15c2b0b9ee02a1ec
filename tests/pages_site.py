"""A site over a database: the small definition deployed, a person of each role, and a browser for each of them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert

from build import MINI
from service.app import create_app
from service.core.access import Actor
from service.runtime.bundles import read_folder
from service.runtime.service import Service
from service.settings import Settings
from service.store import people, queries
from service.store.rows import TaskRow
from service.store.tables import account, membership, partnership
from service.store.transaction import transaction
from service.web import security

PEOPLE = {"ann": "clerk", "ben": "officer", "una": "process_owner", "aud": "auditor", "eve": "nobody"}
PASSWORD = "a long enough password"
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)  # real, and quick to check
APPLICATION = {"address": "1 Oak Road", "work": "felling", "received_on": "2013-05-29"}


def key() -> str:
    """A fresh idempotency key."""
    return str(uuid4())


@dataclass
class Browser:
    """A person's browser without JavaScript: ``get``, and ``post`` with the token of the page before."""

    client: FlaskClient
    token: str

    def get(self, address: str):
        answer = self.client.get(address)
        self.token = next(iter(re.findall(r'name="csrf_token" value="([^"]+)"', answer.text)), self.token)
        return answer

    def post(self, address: str, **fields: str):
        return self.client.post(address, data={"csrf_token": self.token, **fields})

    def send(self, address: str, **content: object):
        """Send JSON, as the diagram editor does."""
        return self.client.post(address, json=content, headers={"X-CSRFToken": self.token})


@dataclass
class Site:
    """The application, its service and the clock it runs on."""

    app: Flask
    service: Service
    clock: Callable[[], datetime]

    def browser(self, name: str) -> Browser:
        client = self.app.test_client()
        token = self.service.entrance.sign_in(f"{name}@example.invalid", PASSWORD)
        with self.app.test_request_context():
            client.set_cookie(security.cookie_name(), token)
        return Browser(client, "")

    def actor(self, name: str) -> Actor:
        with self.service.read() as db:
            found = people.actor(db, name, self.clock())
        assert found is not None
        return found

    def tasks(self, name: str) -> Mapping[str, TaskRow]:
        """The open tasks of a person's groups by element id."""
        with self.service.read() as db:
            return {task.element_id: task for task in queries.tasks(db, self.actor(name), which="groups")}

    def start(self) -> str:
        """Start a case and return its code."""
        return self.service.handler.start(self.actor("ann"), "application_received", APPLICATION, key()).code

    def complete(self, name: str, element: str, **answers: object) -> None:
        task = self.tasks(name)[element]
        self.service.handler.complete(self.actor(name), task.id, answers, key())


def a_site(database_url: str, folder: Path, clock: Callable[[], datetime], definition: Path = MINI) -> Site:
    """Return a practice site over a migrated database."""
    settings = Settings(database_url=database_url, data_folder=folder, practice=True, secret_key="s" * 40)
    app = create_app(settings, clock=clock, mailer=lambda message: None)
    service = app.extensions["service"]
    with transaction(service.store) as db:
        db.execute(insert(partnership).values(id="p", name="Partnership"))
        for name, role in PEOPLE.items():
            row = {"id": name, "email": f"{name}@example.invalid", "name": name.title(), "password_hash": HASH}
            db.execute(insert(account).values(practice=True, **row))
            held = {"id": name, "account_id": name, "role": role, "granted_by": "x", "reason": "x", "from_at": clock()}
            if role != "nobody":
                db.execute(insert(membership).values(partnership_id="p", **held))
    service.deployments.deploy(None, read_folder(definition), "First version")
    return Site(app, service, clock)


def close(site: Site) -> None:
    """Give the database back."""
    site.service.store.writers.dispose()
    site.service.store.readers.dispose()
