"""The trace: every duty the law lays on a case, the places of the definition that hold it, the stories that prove it.

A *row* is green when its places all exist, at least one story proves it, every such story passes, and they touch at
least one of its places. Pure: a definition and what its stories gave in, rows with their state out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.core.definitions import ProcessDefinition

FILE = "processes/trace.json"
KINDS = ("forms", "tables", "roles", "documents", "agencies")


@dataclass(frozen=True, slots=True)
class Row:
    """One duty: its id, the clauses it comes from, what it asks in plain words, and the places that hold it."""

    id: str
    clause: str
    duty: str
    held_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What playing a story gave: its file's name, its own name, the duties it proves, what failed, what it touched.

    ``failure`` is the first thing that does not hold, or ``None`` when it passed.
    """

    story: str
    name: str
    proves: tuple[str, ...]
    failure: str | None
    touched: frozenset[str]


@dataclass(frozen=True, slots=True)
class Place:
    """A place that holds a duty, whether it exists, and the stories of that duty that touch it."""

    name: str
    living: bool
    touched_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class State:
    """How one row stands: its places, the stories that prove it, and, when it is red, why (else empty)."""

    row: Row
    places: tuple[Place, ...]
    stories: tuple[Told, ...]
    why: str

    @property
    def green(self) -> bool:
        """Whether the duty is held and proven."""
        return not self.why


def rows(definition: ProcessDefinition) -> tuple[Row, ...]:
    """The rows of a definition's trace; none where it has no trace."""
    return tuple(
        Row(str(r["id"]), str(r["clause"]), str(r["duty"]), tuple(map(str, r["held_by"])))
        for r in definition.trace
    )


def states(definition: ProcessDefinition, told: Sequence[Told]) -> list[State]:
    """How each row stands after these stories."""
    living = places(definition)
    return [_state(row, living, [t for t in told if row.id in t.proves]) for row in rows(definition)]


def unknown_duties(definition: ProcessDefinition, told: Iterable[Told]) -> list[str]:
    """Sentences about stories that prove a duty the trace does not have."""
    known = {row.id for row in rows(definition)}
    wrong = ((t.story, ", ".join(d for d in t.proves if d not in known)) for t in told)
    return [f"“{story}” proves {duties}, which the trace does not have." for story, duties in wrong if duties]


def _state(row: Row, living: frozenset[str], told: Sequence[Told]) -> State:
    found = tuple(
        Place(name, name in living, tuple(t.story for t in told if t.failure is None and name in t.touched))
        for name in row.held_by
    )
    return State(row, found, tuple(told), _why(found, told))


def _why(found: Sequence[Place], told: Sequence[Told]) -> str:
    """Why a row is red, in a sentence; empty when it is green."""
    if not found:
        return "No place holds it."
    gone = [p.name for p in found if not p.living]
    if gone:
        return f"{', '.join(gone)} {'do' if gone[1:] else 'does'} not exist."
    if not told:
        return "No scenario proves it."
    failing = [t.story for t in told if t.failure is not None]
    if failing:
        return f"{', '.join(failing)} {'fail' if failing[1:] else 'fails'}."
    if not any(p.touched_by for p in found):
        return "None of its places is touched by the scenarios that prove it."
    return ""


def places(definition: ProcessDefinition) -> frozenset[str]:
    """Every place of a definition that a duty may be held by."""
    found = {f"{p.id}/{e}" for p in definition.processes.values() for e in p.elements}
    for key, form in definition.forms.items():
        found |= set(form_places(key, form))
    found |= {place for path in definition.files if (place := file_place(path))}
    found |= {f"roles/{role}" for role in definition.roles}
    return frozenset(found | {name for name in definition.directories if definition.directories[name]})


def file_place(path: str) -> str | None:
    """The place a whole file is: a decision table or a document."""
    folder, _, name = path.rpartition("/")
    stem, _, kind = name.rpartition(".")
    if (folder, kind) == ("processes", "dmn"):
        return f"tables/{stem}"
    return f"documents/{stem}" if (folder, kind) == ("processes/documents", "json") else None


def form_places(key: str, form: Mapping[str, Any]) -> Iterator[str]:
    """A form, its rules and its questions (those of a list's rows after the list's own); any JSON object will do."""
    yield f"forms/{key}"
    yield from (f"forms/{key}/fields/{path}" for path in _fields(form))
    for rule in _objects(form.get("rules")):
        yield f"forms/{key}/rules/{rule.get('id')}"


def _fields(holder: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for component in _objects(holder.get("components")):
        key = component.get("key") or component.get("path")
        if component.get("type") == "group" or not isinstance(key, str):
            yield from _fields(component, before)
            continue
        yield before + key
        yield from _fields(component, f"{before}{key}/")


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [v for v in value if isinstance(v, Mapping)] if isinstance(value, list) else []
