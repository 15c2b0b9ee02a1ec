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

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import insert, select, update

from service.core.access import Actor
from service.core.errors import BrokenRule, NotAllowed
from service.store import people
from service.store.tables import account, membership, partnership, session
from service.store.transaction import Store, reading, transaction

HOME = "home"
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 128
NOTED_EVERY = timedelta(minutes=1)
_hasher = PasswordHasher()
_nobody = "$argon2id$v=19$m=65536,t=3,p=4$O/vxoFbTsMBrvtDKbYTr1g$SQ97f2083XdshRJicKWjNDIfo20i6hIoXRTDNBwQ0ZA"
"""The hash of a password that nobody kept. Written down, since making one costs every process a third of a second."""


@dataclass(frozen=True, slots=True)
class Entrance:
    """Sessions over a store. They run on the true clock, also where a practice clock has been moved."""

    store: Store
    clock: Callable[[], datetime]
    practice: bool = False

    def sign_in(self, email: str, password: str) -> str:
        """Begin a session and return its token. Raises ``NotAllowed`` with one sentence for every failure."""
        with reading(self.store) as db:
            found = people.account_by_email(db, email)
        if found is not None and found.practice and not self.practice:
            found = None  # its password is public: a database filled for practice may later serve in earnest
        # An unknown address is checked too, so the time it takes tells nobody that it is unknown.
        kept = found.password_hash if found is not None and found.disabled_at is None else _nobody
        if not _fits(kept, password) or found is None or found.disabled_at is not None:
            raise NotAllowed("The email address or the password is not right.")
        token = secrets.token_urlsafe(32)
        with transaction(self.store) as db:
            at = self.clock()
            row = {"token_hash": token_hash(token), "account_id": found.id, "started_at": at, "seen_at": at}
            db.execute(insert(session).values(row))
        return token

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


def add_account(service_store: Store, *, email: str, name: str, password: str, roles: list[str], at: datetime) -> str:
    """Add a person, or give a known one further roles, and return their account id.

    A role is ``role`` or ``role@agency``. Raises ``BrokenRule`` for a short password or an address that is none.
    """
    if "@" not in email.strip("@"):
        raise BrokenRule("Give an email address, like name@council.example.")
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise BrokenRule(f"Choose a password of {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters.")
    with transaction(service_store) as db:
        if db.execute(select(partnership.c.id).where(partnership.c.id == HOME)).one_or_none() is None:
            db.execute(insert(partnership).values(id=HOME, name="This partnership"))
        found = people.account_by_email(db, email)
        account_id = found.id if found is not None else uuid4().hex
        if found is None:
            row = {"id": account_id, "email": email.strip(), "name": name, "practice": False}
            db.execute(insert(account).values(password_hash=password_hash(password), **row))
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


def password_hash(password: str) -> str:
    """What the store keeps of a password (argon2id)."""
    return _hasher.hash(password)


def _fits(kept: str, password: str) -> bool:
    if len(password) > LONGEST_PASSWORD:
        return False
    try:
        return _hasher.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False
