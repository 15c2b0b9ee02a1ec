"""Answers to a form: judged once, on the server, before anything else sees them.

Promises: ``submit`` either returns typed answers or raises ``FormRefused`` with one sentence for every problem; it
never changes a form, reads a clock or keeps anything. Only answers whose question names a process variable reach the
process; all answers are kept as a record. Warnings are for the caller: a person must say that the answers are meant.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marshmallow import ValidationError

from service.core import departures as departing
from service.core import expressions
from service.core.departures import KEPT, Departed
from service.core.errors import Departing, FormRefused, Problem
from service.core.expressions import ExprError
from service.core.forms_check import check_form
from service.core.forms_door import Fault, Path, admit, joined
from service.core.forms_fields import Asking
from service.core.forms_schema import load
from service.core.forms_shape import (
    Component,
    Directories,
    components_of,
    key_of,
    label_of,
    properties_of,
    questions,
)
from service.core.forms_show import show
from service.core.forms_wording import subject

__all__ = ["Submission", "check_form", "show", "submit"]

MOST_PROBLEMS = 50


@dataclass(frozen=True, slots=True)
class Submission:
    """Accepted answers: all of them by key, those that are process variables by variable, and what looks unusual.

    ``answers`` holds the questions that were asked. ``variables`` holds every variable the form names; one whose
    question was not asked is ``None`` (an empty list for a list). ``departures`` are the rules that were departed from.
    """

    answers: dict[str, object]
    variables: dict[str, object]
    warnings: tuple[Problem, ...] = ()
    departures: tuple[Departed, ...] = ()

    @property
    def kept(self) -> dict[str, object]:
        """What the record of the form holds: the answers, and a person's words about each departure."""
        return {**self.answers, KEPT: [one.kept for one in self.departures]} if self.departures else self.answers

    @property
    def departed(self) -> tuple[dict[str, object], ...]:
        """What the command says of the departures."""
        return tuple(one.told for one in self.departures)


def submit(
    form: Mapping[str, Any],
    raw: Mapping[str, object],
    *,
    at: datetime,
    variables: Mapping[str, object],
    directories: Directories,
    departures: Mapping[str, Any] | None = None,
) -> Submission:
    """Judge ``raw``: answers by key as JSON would hold them, dates as ISO text or date objects.

    ``at`` is the moment of answering, ``variables`` what the process knows (for the form's rules), ``directories`` the
    lists that choices come from. ``departures`` is what a person says of each rule they depart from: ``reasons``,
    ``effect`` and ``until`` by the rule's id. Raises ``FormRefused``; its problems are in reading order and a row's are
    named ``children-0-name``; ``DepartureRefused`` when nothing but departures stands in the way.
    """
    answers = _accepted(form, raw, Asking(at, directories))
    broken = _broken_rules(form, answers, variables, at)
    if broken.errors:
        raise _refused(broken.errors)
    departed = departing.accept(
        form, broken.departures, departures or {}, at=at, shortest=departing.least(variables)
    )
    return Submission(answers, _variables(form, answers), tuple(broken.warnings), departed)


def _accepted(form: Component, raw: Mapping[str, object], asking: Asking) -> dict[str, object]:
    cleaned, faults = admit(raw)
    at_door = {joined(fault.path): _sentence(form, fault) for fault in faults}
    found: dict[str, str] = {}
    answers: dict[str, object] = {}
    try:
        answers = load(components_of(form), cleaned, {}, asking)
    except ValidationError as error:
        found = dict(_flat(error.messages_dict))
    messages = {**found, **at_door}
    if messages:
        order = [key_of(question) for question in questions(components_of(form))]
        place = {key: number for number, key in enumerate(order)}
        names = sorted(messages, key=lambda name: place.get(name.split("-")[0], len(place)))
        raise _refused([Problem(name, messages[name]) for name in names])
    return answers


def _refused(problems: list[Problem]) -> FormRefused:
    return FormRefused("; ".join(problem.message for problem in problems[:MOST_PROBLEMS]), tuple(problems))


def _flat(messages: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield each place and its first sentence from marshmallow's nested messages."""
    if not isinstance(messages, Mapping):
        yield name, str(messages[0])
        return
    for key, inner in messages.items():
        yield from _flat(inner, "-".join(filter(None, (name, str(key)))))


def _sentence(form: Component, fault: Fault) -> str:
    label = _label(form, fault.path)
    return f"{subject(label) if label else 'The answers'} {fault.reason}"


def _label(form: Component, path: Path) -> str:
    """Return the name of the question at ``path``, else the last name on the way there."""
    label, holder = "", form
    for part in (part for part in path if isinstance(part, str)):
        found = next((q for q in questions(components_of(holder)) if key_of(q) == part), None)
        if found is None:
            return f"“{part}”"
        label, holder = label_of(found), found
    return label


def _variables(form: Component, answers: Mapping[str, object]) -> dict[str, object]:
    """Return the process variables; of two questions with one variable the one that was asked counts."""
    found: dict[str, object] = {}
    for question in questions(components_of(form)):
        variable = properties_of(question).get("variable")
        if variable and key_of(question) in answers:
            found[variable] = _full_rows(question, answers[key_of(question)])
        elif variable:
            found.setdefault(variable, [] if question["type"] in ("checklist", "dynamiclist") else None)
    return found


def _full_rows(question: Component, answer: object) -> object:
    """Give every row of a list all its keys, so that an expression may name each of them."""
    if question["type"] != "dynamiclist" or not isinstance(answer, list):
        return answer
    keys = [key_of(inner) for inner in questions(components_of(question))]
    return [{**dict.fromkeys(keys), **row} for row in answer]


@dataclass(slots=True)
class _Broken:
    """The rules that hold, by kind."""

    errors: list[Problem]
    warnings: list[Problem]
    departures: list[Departing]


def _broken_rules(
    form: Component, answers: Mapping[str, object], variables: Mapping[str, object], at: datetime
) -> _Broken:
    asked = {key_of(each): _full_rows(each, answers.get(key_of(each))) for each in questions(components_of(form))}
    names = {**variables, **asked}
    broken = _Broken([], [], [])
    for rule in form.get("rules") or []:
        problem = Problem(str(rule.get("field") or ""), str(rule["message"]), rule.get("clause"))
        try:
            if expressions.evaluate(str(rule["when"]), names, at=at):
                _tell(broken, rule, problem)
        except ExprError as error:
            if not _speaks_of_nothing(str(rule["when"]), names):
                sentence = f"The rule “{rule.get('id')}” of this form could not be checked: {error}"
                broken.errors.append(Problem(problem.field, sentence, problem.clause))
    return broken


def _tell(broken: _Broken, rule: Mapping[str, Any], problem: Problem) -> None:
    match rule.get("kind") or "error":
        case departing.KIND:
            broken.departures.append(departing.departing(rule, problem.message))
        case "warning":
            broken.warnings.append(problem)
        case _:
            broken.errors.append(problem)


def _speaks_of_nothing(when: str, names: Mapping[str, object]) -> bool:
    """Say whether a rule looks at something unanswered, so that it has nothing to compare."""
    return any(names.get(name, "") is None for name in expressions.names(when))
