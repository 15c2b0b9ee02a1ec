"""Who may know of a case, changed by those whose role does so: naming somebody, shutting somebody out, and the reverse.

Each is a step of the case's history with a reason, and needs a whole new reading of who reaches it: nobody shuts out
themselves by mistake, and nobody is let in who is shut out.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy import Connection

from service.core import access, reasons
from service.core.access import Actor
from service.core.calendar import LONDON
from service.core.commands import EndAccess, GrantAccess, LetIn, ShutOut
from service.core.definitions import ProcessDefinition
from service.core.engine.admitting import Admission
from service.core.errors import BrokenRule, NotAllowed, NotFound, NothingToDo, Problem
from service.runtime import stepping
from service.runtime.answering import Done, answer, answered
from service.runtime.definitions import Definitions
from service.runtime.present import now
from service.store import admissions, instances, people, queries
from service.store.transaction import Store, transaction

Make = Callable[[Connection, ProcessDefinition, str, datetime, str], Admission]
"""Given the connection, the current definition, the case, the instant and the reason's hash: what is asked."""


@dataclass(frozen=True, slots=True)
class Admissions:
    """The use cases over a store, given a clock (``() -> aware instant``).

    Each raises ``NotFound``, ``NotAllowed``, ``FormRefused`` for no reason, and ``BrokenRule`` for what cannot be.
    """

    store: Store
    clock: Callable[[], datetime]
    definitions: Definitions

    def name(
        self, actor: Actor, code: str, who: str, role: str, agency: str | None, until: date | None, reason: str,
        key: str,
    ) -> Done:  # fmt: skip
        """Name the account ``who`` for a case in a role, up to the end of the day ``until``."""

        def make(db: Connection, definition: ProcessDefinition, case_id: str, at: datetime, record: str) -> Admission:
            _require_member(db, case_id, who)
            _require_role(definition, role, agency)
            last = datetime.combine(until, time(23, 59, 59), LONDON) if until is not None else None
            if last is not None and last <= at:
                raise _wrong("until", "The last day must not be over already")
            if _shut_out(db, case_id, who):
                raise _wrong("who", "They are shut out of this: let them in first")
            for one in admissions.reachers(db, case_id, at):
                if (one.account, one.role, one.agency) == (who, role, agency) and one.number is not None:
                    raise NothingToDo("They are named in this role already.")
            return GrantAccess(who, role, agency, last, record)

        return self._take(actor, code, ("name", code, who, role, agency, until, reason), reason, key, make)

    def end(self, actor: Actor, code: str, number: int, reason: str, key: str) -> Done:
        """Let whom step ``number`` named be named no longer."""

        def make(db: Connection, _definition: ProcessDefinition, case_id: str, at: datetime, record: str) -> Admission:
            found = [one for one in admissions.reachers(db, case_id, at) if one.number == number]
            if not found:
                raise NotFound("Nobody is named by that step.")
            return EndAccess(found[0].account, number, record)

        return self._take(actor, code, ("end naming", code, number, reason), reason, key, make)

    def shut_out(self, actor: Actor, code: str, who: str | None, agency: str | None, reason: str, key: str) -> Done:
        """Shut a person, or everybody of an agency, out of a case."""

        def make(db: Connection, definition: ProcessDefinition, case_id: str, at: datetime, record: str) -> Admission:
            if (who is None) == (agency is None):
                raise _wrong("who", "Choose either a person or an organisation")
            if who is not None:
                _require_member(db, case_id, who)
            _require_agency(definition, agency)
            held = people.actor(db, actor.account_id, at) or actor
            if who == actor.account_id or agency in held.agencies:
                raise _wrong("who", "You would shut out yourself: ask somebody else to, if that is meant")
            for one in admissions.outsiders(db, case_id):
                if (one.account, one.agency) == (who, agency):
                    raise NothingToDo("They are shut out already.")
            return ShutOut(who, agency, record)

        return self._take(actor, code, ("shut out", code, who, agency, reason), reason, key, make)

    def let_in(self, actor: Actor, code: str, number: int, reason: str, key: str) -> Done:
        """Let what step ``number`` shut out in again."""

        def make(db: Connection, _definition: ProcessDefinition, case_id: str, _at: datetime, record: str) -> Admission:
            if all(one.number != number for one in admissions.outsiders(db, case_id)):
                raise NotFound("Nobody is shut out by that step.")
            return LetIn(number, record)

        return self._take(actor, code, ("let in", code, number, reason), reason, key, make)

    def _take(
        self, actor: Actor, code: str, said: tuple[object, ...], reason: str, key: str, make: Make
    ) -> Done:
        with transaction(self.store) as db:
            if (before := answered(db, actor, key, said)) is not None:
                return before
            case = queries.case(db, actor, code)
            if case is None:
                raise NotFound("There is no such case.")
            held = instances.hold(db, case.id)
            at = now(db, self.clock)
            current = self.definitions.current(db)
            if not access.grants_access(current, people.as_in(db, actor, case.id)):
                raise NotAllowed("Your roles do not say who may see this.")
            written = stepping.write_down(reasons.ADMITTING, reasons.answers(reason), secrets.token_hex(32))
            command = make(db, current, case.id, at, written.hash)
            definition = self.definitions.load(db, held.definition_hash)
            taken, _ = stepping.take(db, definition, held, command, at=at, actor=actor.account_id)
            stepping.keep_record(db, definition, written, taken, task_id=None, agency=None)
            return answer(db, actor, key, said, Done(held.id, held.code, taken.seq), at)


def nameable(definition: ProcessDefinition) -> dict[str, bool]:
    """The roles somebody can be named in for one case, and whether each belongs to an agency.

    Not those that look after the service: they see no case.
    """
    flags = ("edits_processes", "operates", "administers")
    return {
        role: data.get("scope") == "agency"
        for role, data in definition.roles.items()
        if not any(data.get(flag) for flag in flags)
    }


def _require_role(definition: ProcessDefinition, role: str, agency: str | None) -> None:
    roles = nameable(definition)
    if role not in roles:
        raise _wrong("role", "Choose a role")
    if roles[role] and agency is None:
        raise _wrong("agency", "Choose the organisation they are of")
    if not roles[role] and agency is not None:
        raise _wrong("agency", "This role belongs to no organisation: leave it empty")
    _require_agency(definition, agency)


def _require_agency(definition: ProcessDefinition, agency: str | None) -> None:
    if agency is not None and agency not in {str(row["id"]) for row in definition.directories["agencies"]}:
        raise _wrong("agency", "Choose an organisation of the list")


def _require_member(db: Connection, case_id: str, who: str) -> None:
    if who not in {account_id for account_id, _ in admissions.members(db, case_id)}:
        raise _wrong("who", "Choose a person")


def _shut_out(db: Connection, case_id: str, who: str) -> bool:
    out = admissions.outsiders(db, case_id)
    return any(one.account == who for one in out)


def _wrong(field: str, message: str) -> BrokenRule:
    return BrokenRule(message, (Problem(field, message),))
