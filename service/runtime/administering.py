"""Looking after accounts: inviting people, giving them roles, letting them in again, shutting them out.

Promises: whoever administers sees no case; nobody gives a role to themselves, under whichever account; everything
is kept in ``account_event`` with its reason; what shuts somebody out ends their sessions at once.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import uuid4

from sqlalchemy import Connection, insert, or_, select, update

from service.core.access import Actor
from service.core.calendar import LONDON
from service.core.definitions import ProcessDefinition
from service.core.errors import BrokenRule, NotAllowed, NotFound, NothingToDo, Problem
from service.core.reasons import answers
from service.runtime import passwords, second_factor
from service.runtime.definitions import Definitions
from service.runtime.entering import HOME, token_hash
from service.runtime.own_account import end_sessions, note
from service.store import accounts, people
from service.store.accounts import Account, Invited
from service.store.tables import account, invitation, membership, partnership
from service.store.transaction import Store, reading, transaction

INVITATION = timedelta(days=7)
LONGEST_NAME = 120
OVER = "This invitation has been used, or its seven days are over. Ask whoever invited you for a new one."


@dataclass(frozen=True, slots=True)
class Administration:
    """The accounts of a store, in the hands of those whose role administers."""

    store: Store
    clock: Callable[[], datetime]
    definitions: Definitions

    def invite(self, actor: Actor, email: str, name: str, reason: str) -> tuple[str, str]:
        """Make an account without a password; its id, and the secret of the invitation, which is told this once.

        Raises ``BrokenRule`` naming each field that is wrong.
        """
        with self._administering(actor, reason) as (db, at, why):
            email, name = _wanted(email, name)
            if people.account_by_email(db, email) is not None:
                raise _wrong("email", "There is an account with this email address already")
            account_id = uuid4().hex
            row = {"id": account_id, "email": email, "name": name, "password_hash": passwords.UNSET}
            db.execute(insert(account).values(**row, practice=False))
            note(db, account_id, at, actor.account_id, "invited", reason=why)
            return account_id, _invitation(db, account_id, actor, at)

    def invite_again(self, actor: Actor, account_id: str, reason: str) -> str:
        """The secret of a new invitation; those before are over. For a password that was forgotten too."""
        with self._administering(actor, reason) as (db, at, why):
            self._account(db, account_id)
            _require_other(db, actor, account_id, "Somebody else must invite you: use “Your account” yourself.")
            kept = {"password_hash": passwords.UNSET}
            db.execute(update(account).where(account.c.id == account_id).values(kept))
            end_sessions(db, account_id, at)
            note(db, account_id, at, actor.account_id, "invited again", reason=why)
            return _invitation(db, account_id, actor, at)

    def invited(self, token: str) -> str:
        """The name of the person an invitation is for. Raises ``NotFound`` if it is none, used or over."""
        with reading(self.store) as db:
            return str(_open_invitation(db, token, self.clock()).name)

    def accept(self, token: str, password: str) -> None:
        """Keep the password of who was invited. Raises ``NotFound``, and ``BrokenRule`` for an unfit password."""
        passwords.require_usable(password)
        kept = passwords.hash_of(password)
        at = self.clock()
        with transaction(self.store) as db:
            found = _open_invitation(db, token, at)
            this = (invitation.c.token_hash == token_hash(token), invitation.c.used_at.is_(None))
            if db.execute(update(invitation).where(*this).values(used_at=at)).rowcount != 1:
                raise NotFound(OVER)
            db.execute(update(account).where(account.c.id == found.account_id).values(password_hash=kept))
            note(db, found.account_id, at, found.account_id, "invitation accepted")

    def disable(self, actor: Actor, account_id: str, reason: str) -> None:
        """Shut an account; its sessions end at once, its roles and what it did stay."""
        with self._administering(actor, reason) as (db, at, why):
            _require_other(db, actor, account_id, "You would shut out yourself: ask another administrator.")
            if self._account(db, account_id).disabled_at is not None:
                raise NothingToDo("This account is shut already.")
            db.execute(update(account).where(account.c.id == account_id).values(disabled_at=at))
            end_sessions(db, account_id, at)
            note(db, account_id, at, actor.account_id, "shut", reason=why)

    def enable(self, actor: Actor, account_id: str, reason: str) -> None:
        """Open an account again."""
        with self._administering(actor, reason) as (db, at, why):
            _require_other(db, actor, account_id, "Another administrator must open an account of yours.")
            if self._account(db, account_id).disabled_at is None:
                raise NothingToDo("This account is open.")
            db.execute(update(account).where(account.c.id == account_id).values(disabled_at=None))
            note(db, account_id, at, actor.account_id, "opened", reason=why)

    def reset_second_factor(self, actor: Actor, account_id: str, reason: str) -> None:
        """Let somebody set up a new second factor after their next password: the old one is worth nothing."""
        with self._administering(actor, reason) as (db, at, why):
            self._account(db, account_id)
            _require_other(db, actor, account_id, "Another administrator must do this for you.")
            second_factor.reset(db, account_id)
            end_sessions(db, account_id, at)
            note(db, account_id, at, actor.account_id, "second factor reset", reason=why)

    def end_sessions(self, actor: Actor, account_id: str, reason: str) -> None:
        """End every open session of an account."""
        with self._administering(actor, reason) as (db, at, why):
            self._account(db, account_id)
            end_sessions(db, account_id, at)
            note(db, account_id, at, actor.account_id, "sessions ended", reason=why)

    def grant(
        self, actor: Actor, account_id: str, role: str, agency: str | None, days: tuple[date | None, date | None],
        reason: str,
    ) -> None:  # fmt: skip
        """Give a role, for all cases the role reaches, from a day to a day (both within it). Raises ``BrokenRule``."""
        with self._administering(actor, reason) as (db, at, why):
            definition = self.definitions.current(db)
            self._account(db, account_id)
            _require_other(db, actor, account_id, "Nobody gives a role to themselves: ask another administrator.")
            _require_role(definition, role, agency)
            first, last = _span(days, at)
            if db.execute(select(partnership.c.id)).first() is None:
                db.execute(insert(partnership).values(id=HOME, name="This partnership"))
            home = db.execute(select(partnership.c.id).order_by(partnership.c.id)).scalars().first()
            db.execute(insert(membership).values(
                id=uuid4().hex, account_id=account_id, partnership_id=home, role=role, agency=agency,
                granted_by=actor.account_id, reason=why, from_at=first, to_at=last,
            ))  # fmt: skip
            told = f"{role}{'@' + agency if agency else ''}"
            note(db, account_id, at, actor.account_id, "role given", told=told, reason=why)

    def end_role(self, actor: Actor, account_id: str, membership_id: str, reason: str) -> None:
        """End a role now. Naming for a single case is not ended here: whoever named does that, in the case."""
        with self._administering(actor, reason) as (db, at, why):
            of_account = (membership.c.id == membership_id, membership.c.account_id == account_id)
            open_one = (*of_account, membership.c.instance_id.is_(None), people.now_valid(at))
            row = db.execute(select(membership).where(*open_one)).one_or_none()
            if row is None:
                raise NotFound("This person does not hold that role.")
            db.execute(update(membership).where(membership.c.id == membership_id).values(to_at=at))
            told = f"{row.role}{'@' + row.agency if row.agency else ''}"
            note(db, account_id, at, actor.account_id, "role ended", told=told, reason=why)

    def same_person(self, actor: Actor, account_id: str, email: str, reason: str) -> None:
        """Keep that two accounts belong to one person, who then counts once where two people are asked for."""
        with self._administering(actor, reason) as (db, at, why):
            row = self._account(db, account_id)
            named = people.account_by_email(db, email)
            other = None if named is None else accounts.account_by_id(db, named.id)
            if other is None or other.id == account_id:
                raise _wrong("email", "There is no other account with this email address")
            person, former = row.person_id or row.id, other.person_id or other.id
            both = or_(account.c.id == former, account.c.person_id == former)
            db.execute(update(account).where(both).values(person_id=person))
            for one in (account_id, other.id):
                note(db, one, at, actor.account_id, "same person", told=person, reason=why)

    @contextmanager
    def _administering(self, actor: Actor, reason: str) -> Iterator[tuple[Connection, datetime, str]]:
        why = str(answers(reason)["reason"])
        at = self.clock()
        with transaction(self.store) as db:
            definition = self.definitions.current(db)
            held = people.actor(db, actor.account_id, at)
            if held is None or not any(definition.roles.get(role, {}).get("administers") for role in held.roles):
                raise NotAllowed("Your roles do not look after accounts.")
            yield db, at, why

    @staticmethod
    def _account(db: Connection, account_id: str) -> Account:
        found = accounts.account_by_id(db, account_id)
        if found is None:
            raise NotFound("There is no such account.")
        return found


def _invitation(db: Connection, account_id: str, by: Actor, at: datetime) -> str:
    open_ones = (invitation.c.account_id == account_id, invitation.c.used_at.is_(None))
    db.execute(update(invitation).where(*open_ones).values(expires_at=at))
    token = secrets.token_urlsafe(32)
    row = {"token_hash": token_hash(token), "account_id": account_id, "made_by": by.account_id, "made_at": at}
    db.execute(insert(invitation).values(**row, expires_at=at + INVITATION))
    return token


def _open_invitation(db: Connection, token: str, at: datetime) -> Invited:
    found = accounts.invited(db, token_hash(token), at)
    if found is None:
        raise NotFound(OVER)
    return found


def _wanted(email: str, name: str) -> tuple[str, str]:
    email, name = email.strip(), " ".join(name.split())
    problems = []
    if len(email) > 320 or not email.isprintable() or " " in email or "@" not in email.strip("@"):
        problems.append(Problem("email", "Enter an email address, like name@council.example"))
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        problems.append(Problem("name", f"Enter the name colleagues know, up to {LONGEST_NAME} characters"))
    if problems:
        raise BrokenRule("Something is missing.", tuple(problems))
    return email, name


def _require_other(db: Connection, actor: Actor, account_id: str, said: str) -> None:
    found = accounts.account_by_id(db, account_id)
    if found is not None and (found.person_id or found.id) == actor.person:
        raise _wrong("", said)


def _require_role(definition: ProcessDefinition, role: str, agency: str | None) -> None:
    if role not in definition.roles:
        raise _wrong("role", "Choose a role")
    of_agency = definition.roles[role].get("scope") == "agency"
    if of_agency and agency not in {str(row["id"]) for row in definition.directories["agencies"]}:
        raise _wrong("agency", "Choose the organisation they are of")
    if not of_agency and agency is not None:
        raise _wrong("agency", "This role belongs to no organisation: leave it empty")


def _span(days: tuple[date | None, date | None], at: datetime) -> tuple[datetime, datetime | None]:
    first, last = days
    if first is not None and last is not None and last < first:
        raise _wrong("until", "The last day is before the first")
    today = at.astimezone(LONDON).date()
    if last is not None and last < today:
        raise _wrong("until", "The last day is over already")
    begins = at if first is None or first <= today else datetime.combine(first, time(), LONDON)
    return begins, None if last is None else datetime.combine(last + timedelta(days=1), time(), LONDON)


def _wrong(field: str, message: str) -> BrokenRule:
    return BrokenRule(message, (Problem(field, message),))
