"""The service's parts, joined: what pages, the worker and the command line are handed."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from service.runtime.administering import Administration
from service.runtime.admitting import Admissions
from service.runtime.definitions import Definitions
from service.runtime.departing import Departures
from service.runtime.deploying import Deployments
from service.runtime.entering import Entrance
from service.runtime.entering_by_provider import ProviderEntrance
from service.runtime.handler import Handler
from service.runtime.incidents import Incidents
from service.runtime.mail import Mailer
from service.runtime.migrating import Migrations
from service.runtime.operating import Operations
from service.runtime.own_account import OwnAccount
from service.runtime.provider import Provider, provider_of
from service.runtime.sharing import Sharing
from service.runtime.state_keys import keys_of
from service.runtime.sweeping import SENDER, Sweeper
from service.settings import Settings
from service.store.transaction import Store, open_store, reading, reading_for


@dataclass(frozen=True, slots=True)
class Service:
    """Everything that serves a request. ``now`` is the present as cases see it, ``clock`` the true one."""

    settings: Settings
    store: Store
    clock: Callable[[], datetime]
    definitions: Definitions
    handler: Handler
    deployments: Deployments
    entrance: Entrance
    sweeper: Sweeper
    incidents: Incidents
    operations: Operations
    sharing: Sharing
    provider: Provider | None

    @property
    def migrations(self) -> Migrations:
        """Moves of running cases to another version."""
        return Migrations(self.store, self.clock, self.definitions, self.incidents)

    @property
    def own_account(self) -> OwnAccount:
        """What people do about their own accounts."""
        return OwnAccount(self.store, self.clock)

    @property
    def provider_entrance(self) -> ProviderEntrance | None:
        """The door for people whom the organisation's provider knows, where there is one."""
        return None if self.provider is None else ProviderEntrance(self.store, self.clock, self.provider)

    @property
    def administration(self) -> Administration:
        """Accounts, invited, given roles and shut."""
        return Administration(self.store, self.clock, self.definitions)

    @property
    def departures(self) -> Departures:
        """Departures, agreed or objected to."""
        return Departures(self.store, self.clock, self.definitions)

    @property
    def admissions(self) -> Admissions:
        """Who may know of a case, said by people."""
        return Admissions(self.store, self.clock, self.definitions)

    def read(self) -> AbstractContextManager[Connection]:
        """A connection for reading one consistent picture."""
        return reading(self.store)

    def reading_for(self, account_id: str) -> Callable[[], None]:
        """Let all reading in this context be a person's until what is returned is called."""
        return reading_for(account_id, self.clock())

    def now(self) -> datetime:
        """The present instant as cases see it: a practice site's clock may be ahead."""
        return self.deployments.present()


def join(settings: Settings, clock: Callable[[], datetime], mailer: Mailer) -> Service:
    """Join the parts over the database the settings name."""
    store = open_store(settings.url, keys_of(settings))
    definitions = Definitions(store)
    handler = Handler(store, clock, definitions)
    incidents = Incidents(store, clock, definitions)
    return Service(
        settings=settings, store=store, clock=clock, definitions=definitions, handler=handler,
        deployments=Deployments(store, clock, definitions), entrance=Entrance(store, clock, settings.practice),
        sweeper=Sweeper(store, clock, handler, mailer, incidents, settings.mail_from or SENDER), incidents=incidents,
        operations=Operations(store, clock, definitions, incidents), sharing=Sharing(store, clock, definitions),
        provider=provider_of(settings, clock),
    )  # fmt: skip
