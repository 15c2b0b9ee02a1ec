"""Stories of deployed versions, played by the worker when somebody asks, a few at each turn.

Promises: no request plays a story. One that waits is played once and what it gave is kept; a worker that stops in
between plays it again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from service.core import scenarios
from service.core.access import Actor, edits_processes
from service.core.errors import NotAllowed
from service.core.stories import texts_of
from service.core.trace import Told
from service.runtime.service import Service
from service.runtime.telling import Played, told_by
from service.store import story_runs
from service.store.transaction import reading, transaction

AT_A_TURN = 12
"""About as many as are played in the quarter of a minute a turn may be late for it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a version's stories: what each gave, which still wait, and when the last was played."""

    told: tuple[Told, ...]
    waiting: tuple[str, ...]
    at: datetime | None


def ask(service: Service, actor: Actor, definition_hash: str) -> None:
    """Have the worker play the stories of a version. Raises ``NotAllowed``, ``NotFound``."""
    with transaction(service.store) as db:
        if not edits_processes(service.definitions.current(db), actor):
            raise NotAllowed("Only a process owner may have the scenarios played.")
        stories = texts_of(service.definitions.load(db, definition_hash).files)
        story_runs.ask(db, definition_hash, stories, service.clock())


def turn(service: Service, at_once: int = AT_A_TURN) -> int:
    """Play a few of the stories that wait, and return how many."""
    with reading(service.store) as db:
        waiting = story_runs.waiting(db, at_once)
    for definition_hash, story in waiting:
        definition = service.definitions.get(definition_hash)
        report = scenarios.play(definition, texts_of(definition.files)[story])
        with transaction(service.store) as db:
            given = _written(told_by(Played(story, report)))
            story_runs.keep(db, definition_hash, story, given, service.clock())
    return len(waiting)


def keep(service: Service, definition_hash: str, told: Iterable[Told]) -> None:
    """Keep what the stories of a deployed version gave elsewhere. Raises ``NotFound``."""
    every = list(told)
    with transaction(service.store) as db:
        service.definitions.load(db, definition_hash)
        at = service.clock()
        story_runs.ask(db, definition_hash, [t.story for t in every], at)
        for one in every:
            story_runs.keep(db, definition_hash, one.story, _written(one), at)


def kept(db: Connection, definition_hash: str) -> Kept:
    """What is kept of a version's stories."""
    given, waiting, at = story_runs.found(db, definition_hash)
    return Kept(tuple(map(_read, given)), tuple(waiting), at)


def _written(told: Told) -> dict[str, Any]:
    return {
        "story": told.story, "name": told.name, "proves": list(told.proves), "failure": told.failure,
        "touched": sorted(told.touched),
    }  # fmt: skip


def _read(given: Mapping[str, Any]) -> Told:
    proves, touched = tuple(given["proves"]), frozenset(given["touched"])
    return Told(given["story"], given["name"], proves, given["failure"], touched)
