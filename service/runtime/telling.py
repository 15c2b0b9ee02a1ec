"""Playing all the stories of a definition, on every core of the machine when there are several stories.

Promises: each story gives the same report wherever and beside whatever it is played. Nothing is stored here.
"""

import multiprocessing
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from service.core import scenarios
from service.core.definitions import ProcessDefinition, definition_of
from service.core.prefixes import Prefixes
from service.core.scenario_reading import ScenarioUnreadable
from service.core.scenarios import Report
from service.core.stories import duties, read_once, texts_of, told
from service.core.trace import Told

_held: dict[str, tuple[ProcessDefinition, Prefixes]] = {}


@dataclass(frozen=True, slots=True)
class Played:
    """One story's name (its file's, without ``.yaml``) and what playing it gave."""

    story: str
    report: Report


def play_all(
    definition: ProcessDefinition, texts: Mapping[str, str] | None = None, processes: int | None = None
) -> Iterator[Played]:
    """Play stories (name to text; all those of the definition unless told), each as soon as it is done.

    ``processes`` is how many at a time; as many as there are cores unless told.
    """
    texts = texts_of(definition.files) if texts is None else texts
    work = sorted(texts.items(), key=lambda named: -_length(named[1], definition))
    count = min(processes or cores(), len(work))
    if count < 2:
        prefixes = Prefixes()
        for name, text in work:
            yield Played(name, scenarios.play(definition, text, prefixes))
        return
    with multiprocessing.Pool(count, _hold, (dict(definition.files),)) as pool:
        yield from pool.imap_unordered(_play, work)


def told_by(played: Played) -> Told:
    """What a story gave, as the trace asks for it."""
    report = played.report
    first = next(iter(report.failures), None)
    failure = None if first is None else f"line {first.line}: {first.text}"
    return Told(played.story, report.name, report.proves, failure, report.touched)


def proving(definition: ProcessDefinition, duty: str) -> dict[str, str]:
    """The stories that say they prove one duty."""
    return {name: text for name, text in texts_of(definition.files).items() if duty in _duties(text)}


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _duties(text: str) -> list[str]:
    try:
        return list(duties(read_once(text)))
    except ScenarioUnreadable:
        return []


def _length(text: str, definition: ProcessDefinition) -> int:
    """How many steps a story has, so that the longest begin first."""
    try:
        return len(told(text, texts_of(definition.files))["steps"])
    except ScenarioUnreadable:
        return 0


def _hold(files: dict[str, str]) -> None:
    _held["here"] = definition_of(files), Prefixes()


def _play(named: tuple[str, str]) -> Played:
    name, text = named
    definition, prefixes = _held["here"]
    return Played(name, scenarios.play(definition, text, prefixes))
