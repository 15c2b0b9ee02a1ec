"""Moving running cases to another deployed version: seen beforehand, then done one case at a time.

Only a process owner may, and only cases of their own partnerships. A preview writes nothing. Each move is one step in
one transaction, judged again under the case's lock; it is kept in the case's history with the reason as a salted
record. A case that cannot be moved is a line in the report and never stops the others; a second run does what is left.
"""

import logging
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from service.core import access, reasons, values
from service.core.access import Actor
from service.core.definitions import ProcessDefinition
from service.core.errors import BrokenRule, CannotMove, NotAllowed, NotFound, Problem, Rejection
from service.core.migrations import UNCHANGED, Migration, Preview
from service.runtime import stepping
from service.runtime.answering import Done, answer, answered, require_key
from service.runtime.definitions import Definitions
from service.runtime.incidents import Incidents
from service.runtime.present import now
from service.store import instances, people, versions
from service.store.rows import DefinitionRow
from service.store.transaction import Store, reading, transaction
from service.store.versions import Elsewhere

log = logging.getLogger(__name__)

ALREADY = "Moved before, by this same request"


@dataclass(frozen=True, slots=True)
class Seen:
    """One case in a preview: its code, the number of the version it is on, and what the move would do."""

    instance_id: str
    code: str
    version: int
    preview: Preview


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of one case: what changed for it, or every reason why it stays; ``reference`` names an incident."""

    code: str
    sentences: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    reference: str = ""

    @property
    def done(self) -> bool:
        """Whether the case has been moved."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request to move one case; several cases asked for at once share a key, so each has one made of it."""

    actor: Actor
    code: str
    said: tuple[object, ...]
    shared_key: str

    @property
    def key(self) -> str:
        return values.sha256(f"{self.shared_key}:{self.code}".encode())

    def answered(self, db: Connection) -> bool:
        return answered(db, self.actor, self.key, self.said) is not None


@dataclass(frozen=True, slots=True)
class Migrations:
    """The use cases over a store."""

    store: Store
    clock: Callable[[], datetime]
    definitions: Definitions
    incidents: Incidents

    def preview(self, actor: Actor, to: DefinitionRow, plan: Mapping[str, str]) -> list[Seen]:
        """What moving each running case of the actor's partnerships to ``to`` would do. Raises ``NotAllowed``."""
        with reading(self.store) as db:
            found = versions.elsewhere(db, to.hash, self._owned(db, actor))
            migration = Migration(self.definitions.load(db, to.hash), plan)
            formers = {h: self.definitions.load(db, h) for h in {case.definition_hash for case in found}}
            at = now(db, self.clock)
        return [self._seen(migration, formers[case.definition_hash], case, at) for case in found]

    @staticmethod
    def _seen(migration: Migration, former: ProcessDefinition, case: Elsewhere, at: datetime) -> Seen:
        if not case.state:
            damaged = Problem("", "its stored state is not what its history wrote: it is an incident first")
            return Seen(case.id, case.code, case.version, Preview(problems=(damaged,)))
        shown = migration.preview(former, case.state, instance_id=case.id, at=at, seq=case.seq + 1)
        return Seen(case.id, case.code, case.version, shown)

    def execute(
        self, actor: Actor, to: DefinitionRow, plan: Mapping[str, str], codes: Collection[str], reason: str, key: str
    ) -> Iterator[Moved]:
        """Move the cases ``codes`` names, one after another, and yield what became of each.

        Raises ``NotAllowed``, ``KeyMissing``, ``BrokenRule`` without a reason; never for a single case. A case that is
        on ``to`` already is passed over, unless this very request moved it before: then that is its answer again.
        """
        require_key(key)
        reasons.answers(reason)
        with reading(self.store) as db:
            found = {c.code: c for c in versions.elsewhere(db, to.hash, self._owned(db, actor))}
            migration = Migration(self.definitions.load(db, to.hash), plan)
        said = (to.hash, dict(plan), reason)
        asked = (_Asked(actor, code, ("migrate", code, *said), key) for code in sorted(set(codes)))
        told = (self._one(one, migration, found.get(one.code), reason) for one in asked)
        return (moved for moved in told if moved is not None)

    def _owned(self, db: Connection, actor: Actor) -> frozenset[str]:
        """The partnerships for which the actor is a process owner."""
        current = self.definitions.current(db)
        if not access.edits_processes(current, actor):
            raise NotAllowed("Only a process owner may move cases to another version.")
        owner = {role for role, row in current.roles.items() if row.get("edits_processes")}
        return frozenset(m.partnership for m in actor.memberships if m.role in owner and m.instance_id is None)

    def _one(self, asked: _Asked, migration: Migration, case: Elsewhere | None, reason: str) -> Moved | None:
        try:
            if case is None:
                return self._before(asked)
            return Moved(asked.code, self._move(asked, migration, case.id, reason))
        except BrokenRule as refused:
            return Moved(asked.code, problems=refused.problems or (Problem("", refused.message),))
        except Rejection as refused:
            return Moved(asked.code, problems=(Problem("", refused.message),))
        except Exception as failure:  # noqa: BLE001 - one case must never stop the others
            reference = self.incidents.record(failure, instance_id=case.id if case is not None else None)
            return Moved(asked.code, problems=(Problem("", "The move could not be finished."),), reference=reference)

    def _before(self, asked: _Asked) -> Moved | None:
        """What the same request did to a case before, if it did."""
        with transaction(self.store) as db:
            return Moved(asked.code, (ALREADY,)) if asked.answered(db) else None

    def _move(self, asked: _Asked, migration: Migration, instance_id: str, reason: str) -> tuple[str, ...]:
        with transaction(self.store) as db:
            if asked.answered(db):
                return (ALREADY,)
            held = instances.hold(db, instance_id)
            at = now(db, self.clock)
            former = self.definitions.load(db, held.definition_hash)
            # Judged again: the case may have gone on since somebody looked.
            found = migration.preview(former, held.state, instance_id=held.id, at=at, seq=held.seq + 1)
            if not found.moves:
                raise CannotMove("The case cannot be moved to this version.", found.problems)
            written = stepping.write_down(reasons.FORM, reasons.answers(reason), secrets.token_hex(32))
            command = migration.command(former, written.hash)
            taken, _ = stepping.take(
                db, migration.new, held, command, at=at, actor=asked.actor.account_id, former=former
            )  # fmt: skip
            stepping.keep_record(db, migration.new, written, taken, task_id=None, agency=None)
            answer(db, asked.actor, asked.key, asked.said, Done(held.id, held.code, taken.seq), at)
        log.info("Moved to another version", extra={"instance_id": instance_id})
        return tuple("Unchanged" if said == UNCHANGED else said for said in found.sentences)


def version_named(db: Connection, number: int) -> DefinitionRow:
    """A deployed version by its number. Raises ``NotFound``."""
    found = next((row for row in people.definitions(db) if row.version == number), None)
    if found is None:
        raise NotFound(f"There is no version {number}.")
    return found


def read_plan(pairs: Collection[str]) -> dict[str, str]:
    """Read ``old=new`` pairs. Raises ``BrokenRule`` for anything else."""
    read = [tuple(part.strip() for part in pair.partition("=")) for pair in pairs]
    if any(not old or not sign or not new for old, sign, new in read):
        raise BrokenRule("A plan is made of pairs like old_step=new_step.")
    return {old: new for old, _, new in read}
