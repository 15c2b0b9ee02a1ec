"""Scenarios: dated stories a definition must pass, played with a simulated clock.

A scenario stops at its first failing step; every expectation that fails is told with its line, what was expected and
what is so. Pure: text in, report out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from service.core import scenario_clocks
from service.core.clocks import Clock
from service.core.definitions import ProcessDefinition
from service.core.documents import expected
from service.core.engine.ways import taken
from service.core.errors import BrokenRule, Defect, DepartureRefused, Rejection
from service.core.events import ElementCompleted, ReminderFell
from service.core.playing import Player, actor
from service.core.prefixes import Prefixes, keys_of
from service.core.scenario_reading import LINE, ScenarioUnreadable, instant, read, without_lines
from service.core.stories import FROM, VIA, duties, texts_of, told
from service.core.touching import Watched, by_case, by_people

__all__ = ["Failure", "Report", "play", "read"]


@dataclass(frozen=True, slots=True)
class Failure:
    """What is wrong, and on which line of the scenario."""

    line: int
    text: str


@dataclass(slots=True)
class Report:
    """What playing a scenario gave. It passed when ``failures`` is empty."""

    name: str
    failures: list[Failure] = field(default_factory=list)
    clocks: dict[str, Clock] = field(default_factory=dict)
    outcome: str | None = None
    steps: int = 0
    elements: set[tuple[str, str]] = field(default_factory=set)
    proves: tuple[str, ...] = ()
    touched: frozenset[str] = frozenset()
    flows: frozenset[tuple[str, str]] = frozenset()


class _Failed(Exception):
    """A step did not go as the scenario says."""


def play(definition: ProcessDefinition, text: str, prefixes: Prefixes | None = None) -> Report:
    """Play a scenario on a definition, whose own stories it may build on, and report.

    ``prefixes`` are kept from one scenario to the next by who plays many.
    """
    definition = definition.apart
    try:
        scenario = told(text, texts_of(definition.files))
    except ScenarioUnreadable as wrong:
        return Report("unreadable", [Failure(wrong.line, str(wrong))])
    report = Report(str(scenario.get("name", "unnamed")), proves=tuple(duties(scenario)))
    player = _go_through(definition, scenario, report, prefixes or Prefixes())
    report.clocks, report.outcome, report.steps = player.clocks(), player.outcome, player.seq
    report.elements = {(e.process_id, e.element_id) for e in player.happened if isinstance(e, ElementCompleted)}
    report.flows = _flows(player)
    report.touched = by_case(player) | frozenset(by_people(scenario))
    return report


def _go_through(
    definition: ProcessDefinition, scenario: Mapping[str, Any], report: Report, prefixes: Prefixes
) -> Watched:
    acts = [scenario["start"], *scenario["steps"]]
    keys = list(keys_of(definition.hash, acts))
    # A case that goes on another story's is named after that: names draw ids, and both must draw the same.
    fresh = 0, Watched(definition, str(acts[0].get(FROM, report.name))), ()
    done, player, noted = prefixes.taken_up(keys) or fresh
    told_already = list(noted)
    for number, here in enumerate(acts[done:], done):
        try:
            wrong = _act(player, here, number)
        except _Failed as failed:
            told_already.append((number, Failure(here.get(LINE, 1), str(failed))))
            break
        told_already += [(number, failure) for failure in wrong]
        if number < len(keys):
            prefixes.keep(keys[number], player, told_already)
    else:
        told_already += [(len(acts), f) for w in scenario.get("expect") or [] for f in _expect(player, w)]
    report.failures = [_placed(acts[n], f) if n < len(acts) else f for n, f in told_already]
    return player


def _act(player: Player, act: Mapping[str, Any], number: int) -> list[Failure]:
    """The start (number 0) or a step; what it expected and did not find."""
    noted = Report("")
    if number == 0:
        _start(player, act)
    else:
        _step(player, act, noted)
    return noted.failures


def _flows(player: Player) -> frozenset[tuple[str, str]]:
    return taken(player.definition, player.state, player.happened) if player.state else frozenset()


def _placed(step: Mapping[str, Any], failure: Failure) -> Failure:
    """The failure on a line of the story that is played, also where the step came from another."""
    if FROM not in step:
        return failure
    return Failure(step[VIA], f"In “{step[FROM]}”, which this continues, line {failure.line}: {failure.text}")


def _start(player: Player, start: Mapping[str, Any]) -> None:
    if not {"at", "as", "message"} <= set(start):
        raise _Failed("A start needs “at”, “as” and “message”.")
    at, who, data = instant(start["at"]), str(start["as"]), without_lines(start.get("data") or {})
    departs = _departs(start)
    _attempt(start, lambda: player.start(str(start["message"]), who, data, at, departs))


def _step(player: Player, step: Mapping[str, Any], report: Report) -> None:
    if "expect" in step:
        wanted = step["expect"]
        for one in wanted if isinstance(wanted, list) else [wanted]:
            report.failures.extend(_expect(player, one))
        return
    if "until" in step:
        _attempt(step, lambda: player.let_pass(instant(step["until"])))
        return
    if "approves" in step or "objects" in step:
        _judge_departure(player, step)
        return
    if "at" not in step or "as" not in step or not {"task", "message"} & set(step):
        raise _Failed("A step needs “at”, “as” and either “task” or “message” (or “until”, or “expect”).")
    at, who, data = instant(step["at"]), str(step["as"]), without_lines(step.get("data") or {})
    departs = _departs(step)
    item = None if step.get("item") is None else str(step["item"])
    if "message" in step:
        _attempt(step, lambda: player.send(str(step["message"]), who, data, at, item, departs))
    else:
        _attempt(step, lambda: player.complete(str(step["task"]), item, who, data, at, departs))


def _judge_departure(player: Player, step: Mapping[str, Any]) -> None:
    """Agree or object to a departure by its number: ``{at: …, as: …, approves: 1}``."""
    approved = "approves" in step
    at, who, number = instant(step["at"]), str(step["as"]), int(step["approves" if approved else "objects"])
    _attempt(step, lambda: player.judge_departure(number, who, at, approved=approved))


def _departs(step: Mapping[str, Any]) -> Any:
    """What a step says of departures; a step with an empty “departs” still says that something departs."""
    return without_lines(step["departs"] or {}) if "departs" in step else None


def _attempt(step: Mapping[str, Any], act: Any) -> None:
    """Do what a step says; hold its refusal or its warning against what the step announces."""
    refused = step.get("refused")
    try:
        sent = act()
    except (Rejection, Defect, ValueError) as reason:
        said = _said(reason)
        if refused is None and isinstance(reason, DepartureRefused) and reason.departures and "departs" not in step:
            rules = ", ".join(one.rule for one in reason.departures)
            raise _Failed(f"This departs from {rules}, and the step does not say “departs”: {said}") from reason
        if refused is None:
            raise _Failed(f"This was refused: {said}") from reason
        if isinstance(refused, str) and refused.lower() not in said.lower():
            raise _Failed(f"This was refused, but not because of “{refused}”: {said}") from reason
        return
    if refused is not None:
        raise _Failed("This should have been refused, and was accepted.")
    warned = [w.message for w in getattr(sent, "warnings", ())]
    if "warned" in step and not any(str(step["warned"]).lower() in w.lower() for w in warned):
        raise _Failed(f"A warning about “{step['warned']}” was expected; warnings: {warned or 'none'}.")
    if warned and "warned" not in step:
        raise _Failed(f"There was a warning the scenario does not mention (“warned”): {warned}")


def _said(reason: Exception) -> str:
    if isinstance(reason, BrokenRule) and reason.problems:
        return "; ".join(f"{p.field}: {p.message}" for p in reason.problems)
    return str(reason)


def _expect(player: Player, wanted: Mapping[str, Any]) -> list[Failure]:
    line = wanted.get(LINE, 1)
    return [Failure(line, text) for text in _differences(player, wanted)]


def _differences(player: Player, wanted: Mapping[str, Any]) -> list[str]:  # noqa: C901, PLR0911 - one arm for each kind
    open_now = {t.element_id for t in player.open.values()}
    match wanted:
        case {"clock": key}:
            return scenario_clocks.differences(player, str(key), wanted)
        case {"open": elements}:
            return [f"{e} should be open; open are: {sorted(open_now)}" for e in elements if e not in open_now]
        case {"not_open": elements}:
            return [f"{e} should not be open" for e in elements if e in open_now]
        case {"ended": outcome}:
            return (
                []
                if player.outcome == outcome
                else [f"should have ended as {outcome}; it is {player.outcome or 'still running'}"]
            )
        case {"flow": flow}:
            return [] if flow in {f for _, f in _flows(player)} else [f"the flow {flow} was not taken"]
        case {"happened": element}:
            return _happened(player, str(element), wanted)
        case {"reminded": key}:
            count = sum(isinstance(e, ReminderFell) and key in {e.key, e.name} for e in player.happened)
            return _counted(f"reminders about {key}", count, wanted)
        case {"variable": name}:
            value, should = player.names().get(str(name)), without_lines(wanted.get("is"))
            return [] if _same(value, should) else [f"{name} should be {should!r}; it is {value!r}"]
        case {"departures": number}:
            found = player.names().get("departures", 0)
            return [] if found == number else [f"{number} departures should have been made; {found} were"]
        case {"departures_open": number}:
            found = player.names().get("departures_open", 0)
            return [] if found == number else [f"{number} departures should wait for approval; {found} do"]
        case {"document": _}:
            reader = actor(str(wanted["as"])) if "as" in wanted else None
            return expected.differences(player.facts(reader), without_lines(wanted), reader)
        case {"refused": act}:
            return _refused(player, act)
    return [f"An expectation of an unknown kind: {sorted(k for k in wanted if k != LINE)}"]


def _same(value: object, wanted: object) -> bool:
    if isinstance(value, datetime):
        return value == instant(wanted)
    return value == wanted


def _counted(what: str, count: int, wanted: Mapping[str, Any]) -> list[str]:
    if "count" in wanted:
        return [] if count == wanted["count"] else [f"{what}: expected {wanted['count']}, counted {count}"]
    return [] if count else [f"{what}: none"]


def _happened(player: Player, element: str, wanted: Mapping[str, Any]) -> list[str]:
    count = sum(isinstance(e, ElementCompleted) and e.element_id == element for e in player.happened)
    return _counted(f"{element} happened", count, wanted)


def _refused(player: Player, act: Mapping[str, Any]) -> list[str]:
    because = str(act.get("because", ""))
    open_now = {t.element_id for t in player.open.values()}
    if act.get("task") not in open_now:
        return []
    try:
        player.task(str(act["task"]), None, actor(str(act["as"])))
        player.complete(
            str(act["task"]), None, str(act["as"]), without_lines(act.get("data") or {}), instant(act["at"])
        )
    except (Rejection, ValueError, KeyError) as reason:
        return (
            [] if because.lower() in _said(reason).lower() else [f"refused, but not because {because}: {_said(reason)}"]
        )
    return [f"{act['task']} by {act['as']} should have been refused"]
