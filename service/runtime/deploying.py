"""Drafts and deployments. A deployment is refused while the gate finds an error; running cases keep their version."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection, func, insert, select, update

from service.core import access
from service.core.access import Actor
from service.core.definitions import definition_of
from service.core.errors import BrokenRule, DefinitionRefused, NotAllowed, NotFound, NothingToDo, Problem
from service.runtime import checking
from service.runtime.definitions import Definitions
from service.runtime.present import now
from service.store import people, reach
from service.store.rows import DefinitionRow, DraftRow
from service.store.tables import draft, practice_clock, process_definition
from service.store.transaction import Store, reading, require_open_for_steps, transaction

THE_INSTALLATION = "installation"
LONGEST_FILE = 2_000_000


class DraftMoved(BrokenRule):
    """Somebody else saved this draft meanwhile; nothing has been overwritten."""


@dataclass(frozen=True, slots=True)
class Deployments:
    """What process owners do to definitions."""

    store: Store
    clock: Callable[[], datetime]
    definitions: Definitions

    def deploy(self, actor: Actor | None, files: Mapping[str, str], note: str) -> DefinitionRow:
        """Deploy a definition; ``actor`` is ``None`` only for the installation itself.

        Raises ``NotAllowed``, ``NothingToDo`` when it is already the current one, ``DefinitionRefused``.
        """
        with reading(self.store) as db:
            if actor is not None:
                self._require_owner(db, actor)
        _require_sound(files)  # outside the transaction: it may take seconds, and nobody else could write meanwhile
        with transaction(self.store) as db:
            if actor is not None:
                self._require_owner(db, actor)
            return _deploy(db, files, note, by=actor.account_id if actor else THE_INSTALLATION, at=self.clock())

    def start_draft(self, actor: Actor, based_on: str, name: str) -> DraftRow:
        """Begin a draft from a deployed version."""
        with transaction(self.store) as db:
            self._require_owner(db, actor)
            files = dict(self.definitions.load(db, based_on).files)
            draft_id = uuid4().hex
            db.execute(insert(draft).values(
                id=draft_id, name=name.strip() or "Draft", based_on=based_on, files=json.dumps(files), version=1,
                updated_by=actor.account_id, updated_at=self.clock(),
            ))  # fmt: skip
            return _draft(db, draft_id)

    def save_draft(self, actor: Actor, draft_id: str, path: str, text: str, version: int) -> DraftRow:
        """Save one file of a draft. ``version`` is the save the person began from. Raises ``DraftMoved``."""
        with transaction(self.store) as db:
            self._require_owner(db, actor)
            found = _draft(db, draft_id)
            if path not in found.files or len(text) > LONGEST_FILE:
                raise NotFound("There is no such file in this draft, or it is too long.")
            if found.version != version:
                raise DraftMoved(
                    f"{found.updated_by_name} saved this draft meanwhile. Copy your work, then open it again."
                )
            changed = {"files": json.dumps({**found.files, path: text}), "version": version + 1}
            who = {"updated_by": actor.account_id, "updated_at": self.clock()}
            db.execute(update(draft).where(draft.c.id == draft_id).values({**changed, **who}))
            return _draft(db, draft_id)

    def deploy_draft(self, actor: Actor, draft_id: str, note: str, version: int) -> DefinitionRow:
        """Deploy a draft as it was at ``version``. Raises as ``deploy`` does, and ``DraftMoved``."""
        with reading(self.store) as db:
            sent = self._draft_at(db, actor, draft_id, version).files
        _require_sound(sent)
        with transaction(self.store) as db:
            found = self._draft_at(db, actor, draft_id, version)
            at = self.clock()
            row = _deploy(db, found.files, note, by=actor.account_id, at=at)
            db.execute(update(draft).where(draft.c.id == draft_id).values(deployed_at=at))
            return row

    def _draft_at(self, db: Connection, actor: Actor, draft_id: str, version: int) -> DraftRow:
        self._require_owner(db, actor)
        found = _draft(db, draft_id)
        if found.version != version:
            raise DraftMoved(f"{found.updated_by_name} saved this draft meanwhile. Look at it again before you deploy.")
        return found

    def _require_owner(self, db: Connection, actor: Actor) -> None:
        if not access.edits_processes(self.definitions.current(db), actor):
            raise NotAllowed("Only a process owner may change the process.")

    def move_practice_clock(self, days: int) -> None:
        """Move a practice site's clock ahead by whole days (1 to 366). The caller checks that it is one."""
        if not 1 <= days <= 366:
            raise BrokenRule("Choose between 1 and 366 days.")
        with transaction(self.store) as db:
            moved = update(practice_clock).values(seconds_ahead=practice_clock.c.seconds_ahead + days * 86_400)
            if db.execute(moved).rowcount == 0:
                db.execute(insert(practice_clock).values(id=1, seconds_ahead=days * 86_400))

    def present(self) -> datetime:
        """The present instant as cases see it."""
        with reading(self.store) as db:
            return now(db, self.clock)


def _draft(db: Connection, draft_id: str) -> DraftRow:
    found = people.draft_by_id(db, draft_id)
    if found is None:
        raise NotFound("There is no such draft.")
    return found


def _require_sound(files: Mapping[str, str]) -> None:
    errors = [f for f in checking.check(files) if f.level == "error"]
    if errors:
        problems = tuple(Problem(f.element or f.file, f"{f.message} {f.mend}".strip()) for f in errors)
        raise DefinitionRefused(f"This cannot be deployed: {len(errors)} things must be put right first.", problems)


def _deploy(db: Connection, files: Mapping[str, str], note: str, *, by: str, at: datetime) -> DefinitionRow:
    require_open_for_steps(db)
    definition = definition_of(files)
    current = people.current_definition(db)
    if current is not None and current.hash == definition.hash:
        raise NothingToDo("This is exactly the version that is deployed now.")
    if people.bundle(db, definition.hash) is not None:
        raise NothingToDo("Exactly this version has been deployed before.")
    number = db.execute(select(func.coalesce(func.max(process_definition.c.version), 0))).scalar_one() + 1
    db.execute(insert(process_definition).values(
        hash=definition.hash, key=definition.deployment.get("key", "process"), version=number,
        bundle=json.dumps(dict(files), ensure_ascii=False), note=note.strip(), deployed_by=by, deployed_at=at,
    ))  # fmt: skip
    reach.write(db, definition.roles)
    row = people.current_definition(db)
    if row is None:
        raise NotFound("The deployment was not kept.")
    return row
