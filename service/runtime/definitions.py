"""Deployed definitions, read from the store once and kept parsed: a deployment never changes."""

from collections import OrderedDict
from dataclasses import dataclass, field

from sqlalchemy import Connection

from service.core.definitions import ProcessDefinition, definition_of
from service.core.errors import NotFound, StateDamaged
from service.store import people
from service.store.transaction import Store, reading

KEPT = 16


@dataclass(frozen=True, slots=True)
class Definitions:
    """A small cache over the deployments of a store, the least recently used leaving first."""

    store: Store
    _kept: OrderedDict[str, ProcessDefinition] = field(default_factory=OrderedDict)

    def get(self, definition_hash: str) -> ProcessDefinition:
        """Return a deployment by its hash. Raises ``NotFound``."""
        if definition_hash not in self._kept:
            with reading(self.store) as db:
                return self.load(db, definition_hash)
        self._kept.move_to_end(definition_hash)
        return self._kept[definition_hash]

    def load(self, db: Connection, definition_hash: str) -> ProcessDefinition:
        """Return a deployment, reading through a connection that is already open."""
        if definition_hash not in self._kept:
            files = people.bundle(db, definition_hash)
            if files is None:
                raise NotFound("There is no such version of the process.")
            definition = definition_of(files)
            if definition.hash != definition_hash:
                raise StateDamaged("This version of the process is not what was deployed.")
            self._kept[definition_hash] = definition
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return self._kept[definition_hash]

    def current(self, db: Connection) -> ProcessDefinition:
        """Return the deployment new cases start on. Raises ``NotFound`` while nothing is deployed."""
        row = people.current_definition(db)
        if row is None:
            raise NotFound("No process has been deployed yet.")
        return self.load(db, row.hash)
