"""Which places of a definition a story touched: what was opened or passed, answered, refused, evaluated.

A *place* is written as the trace writes it: ``main/decide`` (an element of a diagram), ``forms/decide``,
``forms/decide/fields/reasons``, ``forms/decide/rules/late``, ``tables/scope``, ``roles/clerk``,
``documents/annex``, ``agencies``. Pure.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from service.core.definitions import ProcessDefinition
from service.core.engine.markers import markers
from service.core.errors import BrokenRule, Problem
from service.core.events import DecisionEvaluated, ElementCompleted, Event, TimerScheduled, UserTaskCreated
from service.core.forms_shape import components_of, key_of, questions
from service.core.placeholders import PLACE
from service.core.playing import Player

HOLDERS = ("callActivity", "subProcess")


@dataclass
class Watched(Player):
    """A case that remembers which forms, fields and rules the answers given to it touched."""

    touched: set[str] = field(default_factory=set)

    def _submit(self, form: str | None, data: Mapping[str, Any], *rest: Any) -> Any:
        schema = self.definition.forms.get(form or "", {})
        self.touched |= {"forms/" + place for place in _answered(str(form), data)} if form else set()
        try:
            sent = super()._submit(form, data, *rest)
        except BrokenRule as refused:
            said = [*refused.problems, *getattr(refused, "departures", ())]
            self.touched |= set(_told(str(form), schema, said))
            raise
        self.touched |= set(_told(str(form), schema, [*sent.warnings, *getattr(sent, "departures", ())]))
        return sent


def by_case(player: Watched) -> frozenset[str]:
    """Everything the case touched so far."""
    found = set(player.touched)
    for event in player.happened:
        found |= set(_by_event(player.definition, event))
    for process, marks in (markers(player.definition, player.state) if player.state else {}).items():
        elements = player.definition.processes[process].elements
        found |= {f"{process}/{e}" for e in marks["done"]}
        found |= {f"{process}/{e}" for e in marks["current"] if elements[e].kind in HOLDERS}
    return frozenset(found)


def by_people(story: Mapping[str, Any]) -> Iterator[str]:
    """The roles somebody acted in, and the documents that were looked at: as the story, told, says."""
    steps = [story["start"], *story["steps"]]
    wanted = [w for s in [*steps, story] for w in _listed(s.get("expect")) if isinstance(w, Mapping)]
    acts = [w["refused"] for w in wanted if isinstance(w.get("refused"), Mapping)]
    for act in (s for s in [*steps, *acts] if "as" in s):
        role, _, agency = str(act["as"]).partition("@")
        yield f"roles/{role}"
        if agency:
            yield "agencies"
    yield from (f"documents/{w['document']}" for w in wanted if "document" in w)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _by_event(definition: ProcessDefinition, event: Event) -> Iterator[str]:
    match event:
        case UserTaskCreated() | ElementCompleted():
            yield f"{event.process_id}/{event.element_id}"
            if isinstance(event, UserTaskCreated) and event.agency:
                yield "agencies"
        case TimerScheduled():
            element = definition.processes[event.process_id].elements[event.element_id]
            if "clock" in element.properties:
                yield f"{event.process_id}/{event.element_id}"
        case DecisionEvaluated():
            yield from (f"tables/{name}" for name in _tables_with(definition, event.decision))


def _tables_with(definition: ProcessDefinition, decision: str) -> Iterator[str]:
    for path, text in definition.files.items():
        if path.endswith(".dmn") and re.search(rf'\bid="{re.escape(decision)}"', text):
            yield path.rsplit("/", 1)[-1].removesuffix(".dmn")


def _answered(form: str, data: Mapping[str, Any]) -> Iterator[str]:
    """The form and its questions that were answered, as far as what was sent can be read."""
    yield form
    for path in _paths(data):
        yield f"{form}/fields/{path}"


def _paths(data: Mapping[str, Any]) -> Iterator[str]:
    for key, value in data.items():
        if value in (None, "", []):
            continue
        yield str(key)
        for row in value if isinstance(value, list) else ():
            if isinstance(row, Mapping):
                yield from (f"{key}/{inner}" for inner in _paths(row))


def _told(form: str, schema: Mapping[str, Any], said: Iterable[Any]) -> Iterator[str]:
    """The rules that spoke, and the questions they or the form itself spoke of."""
    asked = {key_of(q) for q in questions(components_of(schema))}
    for one in said:
        name = str(getattr(one, "field", "")).split("-")[0]
        if name in asked:
            yield f"forms/{form}/fields/{name}"
        for rule in schema.get("rules") or []:
            if _spoke(rule, one):
                yield f"forms/{form}/rules/{rule.get('id')}"


def _spoke(rule: Mapping[str, Any], said: Any) -> bool:
    """Whether this rule said this; a message may have been filled in where it has ``{places}``."""
    if not isinstance(said, Problem):
        return bool(getattr(said, "rule", None) == rule.get("id"))
    fixed = PLACE.sub("\0", str(rule.get("message"))).split("\0")
    return re.fullmatch(".*".join(map(re.escape, fixed)), said.message, re.DOTALL) is not None
