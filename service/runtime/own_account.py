"""What people do about their own account: the second factor, the password, the sessions that are open.

Promises: whoever changes how somebody signs in knows the password or the second factor of now; everything done is
kept in ``account_event``; a changed password ends every other session.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import segno
from sqlalchemy import Connection, insert, select, update

from service.core.access import Actor
from service.core.errors import BrokenRule, NotAllowed, NotFound, Problem
from service.runtime import failed_tries, passwords, second_factor
from service.runtime.entering import begin_session, token_hash
from service.store import people
from service.store.rows import SessionRow
from service.store.tables import account, account_event, session
from service.store.transaction import Store, reading, transaction

NOT_RIGHT = "The code is not right, or was used before."


@dataclass(frozen=True, slots=True)
class Shown:
    """What an app is given: the secret in groups of four to type, its address, and the address as a picture."""

    secret: str
    address: str
    picture: str


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """Accounts of a store, each in its own person's hands."""

    store: Store
    clock: Callable[[], datetime]

    def has_second_factor(self, account_id: str) -> bool:
        """Whether a second factor is set up and confirmed."""
        with reading(self.store) as db:
            return db.execute(select(account.c.totp_since).where(account.c.id == account_id)).scalar_one() is not None

    def begin_second_factor(self, account_id: str, issuer: str) -> Shown:
        """What to give to the app; the same until it is confirmed."""
        with transaction(self.store) as db:
            email = db.execute(select(account.c.email).where(account.c.id == account_id)).scalar_one()
            secret = second_factor.begin(db, account_id)
        address = second_factor.address(secret, email, issuer)
        groups = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
        return Shown(groups, address, segno.make(address, error="m").svg_data_uri(scale=5, dark="#0b0c0c"))

    def confirm_second_factor(self, account_id: str, token: str, code: str) -> tuple[str, list[str]]:
        """Take the app into use; the token the session goes on under, and the recovery codes, shown this once.

        Raises ``NotAllowed`` for a wrong code, and ``TooManyTries``.
        """
        at = self.clock()
        counted = (failed_tries.of_second_factor(account_id),)
        with transaction(self.store) as db:
            failed_tries.require_open(db, counted, at)
            codes = second_factor.confirm(db, account_id, code, at)
            if codes is not None:
                note(db, account_id, at, account_id, "second factor set up")
                return begin_session(db, account_id, at, whole=True, instead_of=token), codes
            failed_tries.failed(db, counted, at)
        raise NotAllowed(NOT_RIGHT)

    def renew_codes(self, actor: Actor, code: str) -> list[str]:
        """Fresh recovery codes for a code from the app. Raises ``BrokenRule`` if it is wrong, and ``TooManyTries``."""
        at = self.clock()
        counted = (failed_tries.of_second_factor(actor.account_id),)
        with transaction(self.store) as db:
            _require_earnest(db, actor)
            failed_tries.require_open(db, counted, at)
            if second_factor.fits(db, actor.account_id, code, at):
                note(db, actor.account_id, at, actor.account_id, "recovery codes renewed")
                return second_factor.renew(db, actor.account_id, at)
            failed_tries.failed(db, counted, at)
        raise BrokenRule(NOT_RIGHT, (Problem("code", NOT_RIGHT),))

    def change_password(self, actor: Actor, token: str, old: str, new: str) -> None:
        """Change the password and end every session but this one. Raises ``BrokenRule`` naming the field."""
        at = self.clock()
        counted = (failed_tries.of_address(actor.email),)
        with reading(self.store) as db:
            failed_tries.require_open(db, counted, at)
            row = _require_earnest(db, actor)
        if not passwords.fits(row.password_hash, old):
            with transaction(self.store) as db:
                failed_tries.failed(db, counted, at)
            raise BrokenRule("Wrong password", (Problem("old", "This is not your current password"),))
        passwords.require_usable(new)
        kept = passwords.hash_of(new)  # takes a while: not while anything is locked
        with transaction(self.store) as db:
            db.execute(update(account).where(account.c.id == actor.account_id).values(password_hash=kept))
            end_sessions(db, actor.account_id, at, but=token_hash(token))
            note(db, actor.account_id, at, actor.account_id, "password changed")

    def sessions(self, actor: Actor) -> list[SessionRow]:
        """The person's open sessions, the last one begun first."""
        with reading(self.store) as db:
            return people.sessions(db, actor.account_id, self.clock())

    def end_session(self, actor: Actor, beginning: str) -> None:
        """End the session whose token's hash begins so. Raises ``NotFound`` for none of this person's."""
        at = self.clock()
        with transaction(self.store) as db:
            found = [s for s in people.sessions(db, actor.account_id, at) if s.token_hash.startswith(beginning)]
            if len(found) != 1:
                raise NotFound("There is no such session.")
            db.execute(update(session).where(session.c.token_hash == found[0].token_hash).values(ended_at=at))

    def codes_left(self, actor: Actor) -> int:
        """How many recovery codes are unused."""
        with reading(self.store) as db:
            return second_factor.left(db, actor.account_id)


def _require_earnest(db: Connection, actor: Actor) -> Any:
    row = db.execute(select(account).where(account.c.id == actor.account_id)).one()
    if row.practice:
        raise NotAllowed("A practice account is everybody's: nothing of it is changed.")
    return row


def end_sessions(db: Connection, account_id: str, at: datetime, *, but: str = "") -> None:
    """End every open session of an account, but for the one with this hash."""
    open_ones = (session.c.account_id == account_id, session.c.ended_at.is_(None), session.c.token_hash != but)
    db.execute(update(session).where(*open_ones).values(ended_at=at))


def note(
    db: Connection, account_id: str, at: datetime, by: str, what: str, *, told: str = "", reason: str = ""
) -> None:
    """Keep what was done to an account: by whom, what, further facts, and why."""
    row = {"account_id": account_id, "at": at, "by": by, "what": what, "told": told, "reason": reason}
    db.execute(insert(account_event).values(row))
