"""Signing in with the account people have at their organisation.

Promises: nobody gets an account by signing in; an account is bound once, by a verified e-mail address, to who the
issuer says somebody is, and known by that from then on; one sentence for everybody who may not enter, whatever the
reason. The session is whole at once: the second factor is the provider's to ask for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert
from sqlalchemy.exc import IntegrityError

from service.runtime import failed_tries
from service.runtime.entering import begin_session
from service.runtime.id_tokens import Identity
from service.runtime.own_account import note
from service.runtime.provider import Begun, NoSignIn, Provider
from service.store import accounts, identities, people
from service.store.tables import account_identity
from service.store.transaction import Store, reading, transaction

LONGEST = timedelta(minutes=15)
"""How long somebody may stay at the provider: they may have to find their telephone."""
NOT_BEGUN = "This sign-in was not begun in this browser, was finished before, or took too long. Begin again."
NOT_SIGNED_IN = "Your organisation’s sign-in service did not sign you in. Try again, or ask those who run it."
NOBODY = (
    "Your organisation knows you, but you cannot sign in here with that account. "
    "Ask an administrator of this service whether you have an account, and with which email address."
)


@dataclass(frozen=True, slots=True)
class ProviderEntrance:
    """Sessions over a store, for people whom the provider knows."""

    store: Store
    clock: Callable[[], datetime]
    provider: Provider

    def begin(self) -> tuple[str, Begun]:
        """The address of the provider to send a browser to, and what to remember of it. Raises ``NoSignIn``."""
        return self.provider.begin()

    def enter(
        self, begun: Begun | None, given: dict[str, str], network: str = "", instead_of: str | None = None
    ) -> str:
        """Begin a session for who came back with ``given`` and return its token.

        Raises ``NoSignIn`` with a sentence for the person, and ``TooManyTries`` before the provider is asked.
        """
        counted = (failed_tries.of_network(network),) if network else ()
        code = self._code(begun, given)
        with reading(self.store) as db:
            failed_tries.require_open(db, counted, self.clock())
        try:
            found = self.provider.identity(*code)
        except NoSignIn as refusal:
            if refusal.counts:
                with transaction(self.store) as db:
                    failed_tries.failed(db, counted, self.clock())
            raise
        at = self.clock()
        with transaction(self.store) as db:
            account_id = identities.account_of(db, found.issuer, found.subject) or _bind(db, found, at)
            if not _may_enter(db, account_id):
                raise NoSignIn(NOBODY)
            return begin_session(db, account_id, at, whole=True, instead_of=instead_of)

    def _code(self, begun: Begun | None, given: dict[str, str]) -> tuple[str, Begun]:
        """The code of an answer to what this browser began."""
        late = begun is None or self.clock().timestamp() - begun.at > LONGEST.total_seconds()
        if begun is None or late or given.get("state") != begun.state:
            raise NoSignIn(NOT_BEGUN)
        if given.get("iss", self.provider.issuer) != self.provider.issuer:  # RFC 9207
            raise NoSignIn(NOT_BEGUN)
        if not given.get("code") or given.get("error"):
            raise NoSignIn(NOT_SIGNED_IN)
        return given["code"], begun


def _bind(db: Connection, found: Identity, at: datetime) -> str:
    """Bind the account with this address to who came; the account's id. Raises ``NoSignIn``."""
    row = people.account_by_email(db, found.email) if found.email else None
    if row is None or not _may_enter(db, row.id) or identities.is_bound(db, found.issuer, row.id):
        raise NoSignIn(NOBODY)
    kept = {"issuer": found.issuer, "subject": found.subject, "account_id": row.id, "bound_at": at}
    try:
        with db.begin_nested():
            db.execute(insert(account_identity).values(kept))
    except IntegrityError:  # the same person in another window, a moment ago
        raise NoSignIn(NOT_BEGUN) from None
    note(db, row.id, at, row.id, "bound to the organisation")
    return row.id


def _may_enter(db: Connection, account_id: str) -> bool:
    row = accounts.account_by_id(db, account_id)
    return row is not None and row.disabled_at is None and not row.practice
