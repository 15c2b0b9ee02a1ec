"""Signing in and out, and the accounts of a practice site.

A session is a random token the browser holds; the store keeps only its hash, so neither a copy of the database nor
of its backups can be used to enter. Wrong name and wrong password are never told apart.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import Connection, insert, select, update

from service.core.access import Actor
from service.core.errors import BrokenRule, NotAllowed
from service.runtime import failed_tries, passwords, second_factor
from service.store import people
from service.store.tables import account, membership, partnership, session
from service.store.transaction import Store, reading, transaction

HOME = "home"
NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Entrance:
    """Sessions over a store. They run on the true clock, also where a practice clock has been moved."""

    store: Store
    clock: Callable[[], datetime]
    practice: bool = False

    def sign_in(self, email: str, password: str, network: str = "") -> str:
        """Begin a session and return its token; it is nobody's before the second factor, but of a practice account.

        Raises ``NotAllowed`` with one sentence for every failure, ``TooManyTries`` before anything is looked at.
        """
        at = self.clock()
        counted = (failed_tries.of_address(email), *([failed_tries.of_network(network)] if network else []))
        with reading(self.store) as db:
            failed_tries.require_open(db, counted, at)
            found = people.account_by_email(db, email)
        if found is not None and found.practice and not self.practice:
            found = None  # its password is public: a database filled for practice may later serve in earnest
        # An unknown address is checked too, so the time it takes tells nobody that it is unknown.
        if found is not None and (found.disabled_at is not None or found.password_hash == passwords.UNSET):
            found = None
        right = passwords.fits(passwords.NOBODYS if found is None else found.password_hash, password)
        if not right or found is None:
            with transaction(self.store) as db:
                failed_tries.failed(db, counted, at)
            raise NotAllowed("The email address or the password is not right.")
        with transaction(self.store) as db:
            failed_tries.succeeded(db, counted[0])
            return begin_session(db, found.id, at, whole=found.practice)

    def half(self, token: str) -> str | None:
        """The account whose session waits for its second factor."""
        with reading(self.store) as db:
            return people.session_half(db, token_hash(token), self.clock())

    def complete(self, token: str, code: str) -> str:
        """Show the second factor; the session goes on under a new token, which is returned.

        Raises ``NotAllowed`` for a wrong code or a session that waits for none, and ``TooManyTries``.
        """
        at = self.clock()
        with transaction(self.store) as db:
            account_id = people.session_half(db, token_hash(token), at)
            if account_id is None:
                raise NotAllowed("Sign in again: it took too long.")
            counted = (failed_tries.of_second_factor(account_id),)
            failed_tries.require_open(db, counted, at)
            right = second_factor.fits(db, account_id, code, at)
            if right:
                failed_tries.succeeded(db, counted[0])
                return begin_session(db, account_id, at, whole=True, instead_of=token)
            failed_tries.failed(db, counted, at)
        raise NotAllowed("The code is not right, or was used before.")

    def sign_out(self, token: str) -> None:
        """End a session; an unknown token is already signed out."""
        with transaction(self.store) as db:
            this = session.c.token_hash == token_hash(token)
            db.execute(update(session).where(this, session.c.ended_at.is_(None)).values(ended_at=self.clock()))

    def actor(self, token: str) -> Actor | None:
        """Who holds this token, or nobody. Use is noted at most once a minute."""
        hashed = token_hash(token)
        at = self.clock()
        with reading(self.store) as db:
            found = people.session_actor(db, hashed, at)
            seen = people.session_seen(db, hashed)
        if found is not None and seen is not None and at - seen > NOTED_EVERY:
            with transaction(self.store) as db:
                db.execute(update(session).where(session.c.token_hash == hashed).values(seen_at=at))
        return found


def begin_session(db: Connection, account_id: str, at: datetime, *, whole: bool, instead_of: str | None = None) -> str:
    """Begin a session and return its token; the one it comes ``instead_of`` ends, so that no token outlives a rank."""
    if instead_of is not None:
        db.execute(update(session).where(session.c.token_hash == token_hash(instead_of)).values(ended_at=at))
    token = secrets.token_urlsafe(32)
    row = {"token_hash": token_hash(token), "account_id": account_id, "started_at": at, "seen_at": at}
    db.execute(insert(session).values(**row, second_at=at if whole else None))
    return token


def add_account(service_store: Store, *, email: str, name: str, password: str, roles: list[str], at: datetime) -> str:
    """Add a person, or give a known one further roles, and return their account id.

    A role is ``role`` or ``role@agency``. Raises ``BrokenRule`` for a short password or an address that is none.
    """
    if "@" not in email.strip("@"):
        raise BrokenRule("Give an email address, like name@council.example.")
    passwords.require_usable(password)
    with transaction(service_store) as db:
        if db.execute(select(partnership.c.id).where(partnership.c.id == HOME)).one_or_none() is None:
            db.execute(insert(partnership).values(id=HOME, name="This partnership"))
        found = people.account_by_email(db, email)
        account_id = found.id if found is not None else uuid4().hex
        if found is None:
            row = {"id": account_id, "email": email.strip(), "name": name, "practice": False}
            db.execute(insert(account).values(password_hash=passwords.hash_of(password), **row))
        for role in roles:
            held, _, agency = role.partition("@")
            db.execute(insert(membership).values(
                id=uuid4().hex, account_id=account_id, partnership_id=HOME, role=held, agency=agency or None,
                granted_by="installation", reason="Added on the command line", from_at=at,
            ))  # fmt: skip
    return account_id


def token_hash(token: str) -> str:
    """What the store keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
