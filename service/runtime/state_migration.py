"""Stored states brought into today's form, or sealed for the first time: offline, explicit, decided by two people.

Promises: nothing happens unless both people exist, differ and look after the service; the bytes before a conversion
are kept as they were; the case's history tells it in a step with both hashes, both forms and both people; one case
that cannot be brought over is named and left as it is, and the others go on. A state that is too old to be read
without running what stands in it is never read.

An embedded installation has nobody but its owner to ask: when its database is first brought from the release without
seals to this one, its cases are sealed in the same transaction as the migration, and never again by themselves.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from service.core import access, chain, values
from service.core.access import Actor
from service.core.chain import ChainBroken
from service.core.commands import MigrateState
from service.core.engine import state_conversion, state_form
from service.core.engine.state_form import Form
from service.core.engine.state_seal import Seal
from service.core.errors import Defect, NotAllowed, NotFound, Rejection, StateDamaged
from service.runtime import stepping
from service.runtime.definitions import Definitions
from service.runtime.present import now
from service.store import instances, people
from service.store.instances import Held
from service.store.schema import migrate
from service.store.tables import process_instance, state_kept
from service.store.transaction import Store, reading, state_keys, transaction

WITHOUT_SEALS = "0001"
"""The revision of databases written by the release that sealed nothing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is to be done with a case, or was: ``fine``, ``seal``, ``convert`` or ``refused`` with the reason."""

    code: str
    what: str
    text: str


@dataclass(frozen=True, slots=True)
class StateMigration:
    """The use case over a store, given a clock (``() -> aware instant``)."""

    store: Store
    clock: Callable[[], datetime]
    definitions: Definitions

    def plan(self) -> Iterator[Finding]:
        """What would be done with each case, in the order of their codes. Nothing is written, nothing parsed."""
        for code in self.codes():
            with reading(self.store) as db:
                yield _finding(db, _row(db, code))

    def codes(self) -> list[str]:
        """The codes of all cases."""
        with reading(self.store) as db:
            return list(db.execute(select(process_instance.c.code).order_by(process_instance.c.code)).scalars())

    def operators(self, by: str, approved_by: str) -> tuple[Actor, Actor]:
        """The two people behind two e-mail addresses. Raises ``NotAllowed`` unless they may do it, together."""
        with reading(self.store) as db:
            first, second = self._operator(db, by), self._operator(db, approved_by)
        if first.person == second.person:
            raise NotAllowed("Two different people are needed: whoever does it cannot also approve it.")
        return first, second

    def bring_over(self, code: str, by: Actor, approved_by: Actor) -> Finding:
        """Seal or convert one case in a transaction of its own. What cannot be done comes back as ``refused``."""
        try:
            with transaction(self.store) as db:
                row = _row(db, code, lock=True)
                found = _finding(db, row)
                if found.what in {"seal", "convert"}:
                    self._bring_over(db, row, by, approved_by)
                return found
        except (Defect, Rejection) as refused:
            return Finding(code, "refused", str(refused))

    def _operator(self, db: Connection, email: str) -> Actor:
        found = people.account_by_email(db, email)
        actor = people.actor(db, found.id, self.clock()) if found is not None else None
        if actor is None or not access.operates(self.definitions.current(db), actor):
            raise NotAllowed(f"{email} is nobody who looks after this service.")
        return actor

    def _bring_over(self, db: Connection, row: Row[Any], by: Actor, approved_by: Actor) -> None:
        definition, form = self.definitions.load(db, row.definition_hash), _form(row)
        before, at = str(row.state).encode(), now(db, self.clock)
        after = state_conversion.convert(definition.specification, form, before)
        hashes = values.sha256(before), values.sha256(after)
        if not state_form.is_current(form):  # kept even where both forms spell this case alike
            db.execute(insert(state_kept).values(
                instance_id=row.id, seq=row.version, form=str(form), state=row.state, sha256=hashes[0],
                state_key=row.state_key, state_mac=row.state_mac, at=at,
            ))  # fmt: skip
        held = Held(row.id, row.code, row.definition_hash, row.version, after, row.head_hash, row.status)
        command = MigrateState(str(form), str(state_form.CURRENT), *hashes, approved_by.account_id)
        taken, _ = stepping.take(db, definition, held, command, at=at, actor=by.account_id)
        if taken.state_hash != hashes[1]:
            raise StateDamaged("What the conversion gave is not what the engine makes of it.")


def bring_up_to_date(store: Store) -> int:
    """Migrate the database; seal an embedded one that comes from the first release. Returns how many cases it sealed.

    States sealed with the key before are sealed anew with the one of today, which changes nothing else.
    """
    sealed: list[str] = []

    def then(db: Connection, before: str | None) -> None:
        if store.embedded and before == WITHOUT_SEALS:
            sealed.extend(_seal_first(db))
        _seal_anew(db)

    migrate(store, then)
    return len(sealed)


def _seal_first(db: Connection) -> Iterator[str]:
    for instance_id in list(db.execute(select(process_instance.c.id)).scalars()):
        row = db.execute(select(process_instance).where(process_instance.c.id == instance_id)).one()
        try:
            _require_its_history(db, row)
        except StateDamaged:
            continue  # stays without a seal: whoever opens it is told, and it becomes an incident
        _seal(db, row, str(state_form.FIRST))
        yield instance_id


def _seal_anew(db: Connection) -> None:
    keys = state_keys(db)
    if keys.previous_id in {None, keys.key_id}:
        return
    wanted = select(process_instance.c.id).where(process_instance.c.state_key == keys.previous_id)
    for instance_id in list(db.execute(wanted).scalars()):
        row = db.execute(select(process_instance).where(process_instance.c.id == instance_id).with_for_update()).one()
        try:
            keys.check(instances.stored(row), Seal(row.state_key, row.state_mac))
        except StateDamaged:
            continue
        _seal(db, row, row.state_form)


def _seal(db: Connection, row: Row[Any], form: str) -> None:
    seal = state_keys(db).seal(instances.stored(row, form))
    changed = {"state_form": form, "state_key": seal.key_id, "state_mac": seal.mac}
    db.execute(update(process_instance).where(process_instance.c.id == row.id).values(changed))


def _row(db: Connection, code: str, *, lock: bool = False) -> Row[Any]:
    wanted = select(process_instance).where(process_instance.c.code == code)
    row = db.execute(wanted.with_for_update() if lock else wanted).one_or_none()
    if row is None:
        raise NotFound("There is no such case.")
    return row


def _form(row: Row[Any]) -> Form:
    return Form.read(row.state_form) if row.state_mac is not None else state_form.FIRST


def _finding(db: Connection, row: Row[Any]) -> Finding:
    """What a case needs, found on bytes alone: its seal if it has one, its form, its history."""
    try:
        if row.state_mac is not None:
            state_keys(db).check(instances.stored(row), Seal(row.state_key, row.state_mac))
        form = _form(row)
        _require_its_history(db, row)
    except StateDamaged as damaged:
        return Finding(row.code, "refused", str(damaged))
    if state_form.is_older(form):
        return Finding(row.code, "convert", f"from form {form} into form {state_form.CURRENT}")
    if not state_form.is_current(form):
        return Finding(row.code, "refused", state_form.refusal(form))
    if row.state_mac is None:
        return Finding(row.code, "seal", "its history is whole and wrote this state")
    return Finding(row.code, "fine", "sealed, and in today’s form")


def _require_its_history(db: Connection, row: Row[Any]) -> None:
    instances.require_written(db, row)
    try:
        count = chain.verify(instances.steps_of(db, row.id))
    except ChainBroken as broken:
        raise StateDamaged(f"The history of this case is broken: {broken}") from broken
    if count != row.version:
        raise StateDamaged("The history of this case is longer than the case.")
