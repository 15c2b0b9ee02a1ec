"""Departures from the guidance: rules of a form that may be broken, but only with reasons that are kept.

Promises: answers that depart are accepted only with reasons, what is done instead and, if somebody wishes, an end; one
set for each rule that holds; reasons for a rule that does not hold are refused, never dropped. The three questions are
a form like any other, so they are asked, judged and shown in the same way. Names with a dot belong to no form's own
question.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from marshmallow import ValidationError

from service.core.calendar import london_date
from service.core.errors import Departing, DepartureRefused, Problem
from service.core.forms_door import admit, printable
from service.core.forms_fields import Asking
from service.core.forms_schema import load
from service.core.forms_shape import Component, components_of, is_blank
from service.core.forms_wording import listed, subject

KIND = "departure"
RULE_ID = re.compile(r"[a-z][a-z0-9_]{0,39}")
PARTS = ("reasons", "effect", "until")
KEPT = "_departures"
"""The name under which a record keeps the words of its departures; no question can have it."""
LEAST = 30
LEAST_RULE = "departure_least_characters"
"""The local rule that may ask for longer reasons than ``LEAST``, or for shorter ones."""
LONGEST_REASONS, LONGEST_EFFECT = 4_000, 2_000
MOST_STRAY = 10

Given = Mapping[str, Any]
"""What a person says of departures: the rule's id to ``reasons``, ``effect`` and ``until``."""


@dataclass(frozen=True, slots=True)
class Departed:
    """An accepted departure: the rule with its clauses and message, and a person's words about it."""

    rule: str
    clause: str
    message: str
    reasons: str
    effect: str
    until: date | None

    @property
    def told(self) -> dict[str, object]:
        """What the command and the history hold: nothing a person wrote."""
        return {"rule": self.rule, "clause": self.clause, "message": self.message}

    @property
    def kept(self) -> dict[str, object]:
        """What the record holds."""
        return {"rule": self.rule, "reasons": self.reasons, "effect": self.effect, "until": self.until}


def rules_of(form: Component) -> dict[str, Departing]:
    """The departure rules of a form, by id, in its order."""
    found = [rule for rule in form.get("rules") or [] if rule.get("kind") == KIND]
    return {str(rule.get("id")): departing(rule, str(rule.get("message"))) for rule in found}


def departing(rule: Mapping[str, Any], message: str) -> Departing:
    """A rule of a form as a departure in ``message``'s words."""
    return Departing(str(rule.get("id")), str(rule.get("field") or ""), message, str(rule.get("clause") or ""))


def name(rule: str, part: str) -> str:
    """The name of one of the three questions about a rule."""
    return f"departure.{rule}.{part}"


def clauses(clause: str) -> str:
    """``clause 2.3``, or ``clauses 4.2 and 2.3`` for the text ``4.2 2.3``."""
    found = clause.split()
    if not found:
        return "the guidance"
    return f"clause{'s' if len(found) > 1 else ''} {listed(found)}"


def with_questions(form: Component, departures: Iterable[Departing]) -> dict[str, Any]:
    """The form with the three questions about each departure after its own, a group (``departs``) for each."""
    return {**form, "components": [*components_of(form), *map(_group, departures)]}


def _group(one: Departing) -> dict[str, Any]:
    said = {"type": "text", "text": one.message}
    which = f" ({clauses(one.clause)})" if one.clause else ""
    asked = ({**question, "key": name(one.rule, str(question["key"]))} for question in _questions(one))
    legend = f"This departs from the guidance{which}"
    return {"type": "group", "departs": True, "label": legend, "components": [said, *asked]}


def _questions(one: Departing, least: int = LEAST) -> tuple[dict[str, Any], ...]:
    """The three questions, keyed by ``PARTS``."""
    of = clauses(one.clause)
    reasons = {
        "type": "textarea", "key": "reasons", "label": f"Your reasons for departing from {of}",
        "description": "So that somebody who was not there understands them. They are kept with this form",
        "validate": {"required": True, "minLength": least, "maxLength": LONGEST_REASONS},
    }  # fmt: skip
    effect = {
        "type": "textarea", "key": "effect", "label": f"What is done instead of what {of} asks",
        "validate": {"required": True, "maxLength": LONGEST_EFFECT},
    }  # fmt: skip
    until = {
        "type": "datetime", "subtype": "date", "key": "until",
        "label": f"Until when this departure from {of} lasts", "description": "For example, 27 3 2014",
    }  # fmt: skip
    return reasons, effect, until


def apart(form: Component, answers: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Part answers to a form ``with_questions`` into those to the form's own and what is said of each departure."""
    named = {name(rule, part): (rule, part) for rule in rules_of(form) for part in PARTS}
    said: dict[str, dict[str, Any]] = {}
    for key in (key for key in answers if key in named):
        rule, part = named[key]
        said.setdefault(rule, {})[part] = answers[key]
    return {key: value for key, value in answers.items() if key not in named}, said


def least(variables: Mapping[str, object]) -> int:
    """How many characters reasons must have: the local rule of that name among ``variables``, else thirty."""
    local = variables.get("local")
    found = local.get(LEAST_RULE) if isinstance(local, Mapping) else None
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else LEAST


def accept(
    form: Component, holding: Sequence[Departing], given: Given, *, at: datetime, shortest: int = LEAST
) -> tuple[Departed, ...]:
    """Judge what is said of the departures that hold. Raises ``DepartureRefused``.

    A rule about which nothing is said at all is refused in its own words; ``shortest`` is the least length of reasons.
    """
    problems = list(_stray(form, holding, given))
    departed: list[Departed] = []
    for one in holding:
        if one.rule not in given:
            problems.append(Problem(one.field, one.message, one.clause or None))
            continue
        answers, wrong = _judged(one, given[one.rule], at, shortest)
        problems += wrong
        if not wrong:
            departed.append(Departed(one.rule, one.clause, one.message, *(answers[part] for part in PARTS)))
    if problems:
        text = "; ".join(problem.message for problem in problems)
        raise DepartureRefused(text, tuple(problems), tuple(holding))
    return tuple(departed)


def _stray(form: Component, holding: Sequence[Departing], given: Given) -> Iterator[Problem]:
    """What is said of rules that these answers do not depart from, or that there are not."""
    known, held = rules_of(form), {one.rule for one in holding}
    for rule in [rule for rule in given if rule not in held][:MOST_STRAY]:
        if rule not in known:
            yield Problem("", f"“{printable(rule)}” is not a rule that this form may depart from")
        elif not is_blank(given[rule]):
            of = clauses(known[rule].clause)
            yield Problem("", f"These answers do not depart from {of}, so reasons for it cannot be kept with them")


def _judged(one: Departing, said: Any, at: datetime, shortest: int) -> tuple[dict[str, Any], list[Problem]]:
    if not isinstance(said, Mapping):
        return {}, [Problem(name(one.rule, "reasons"), "Departures must be reasons, what is done instead, and an end")]
    asked = _questions(one, shortest)
    labels = {str(c["key"]): str(c["label"]) for c in asked}
    cleaned, faults = admit(said)
    found: dict[str, str] = {}
    answers: dict[str, Any] = {}
    try:
        answers = load(asked, cleaned, {}, Asking(at, {}))
    except ValidationError as error:
        found = {str(key): str(messages[0]) for key, messages in error.messages_dict.items()}
    for fault in faults:
        part = str(fault.path[0])
        found[part] = f"{subject(labels.get(part, 'The answers'))} {fault.reason}"
    if not found and answers["until"] is not None and answers["until"] < london_date(at):
        found["until"] = f"{labels['until']} must be today or in the future"
    return answers, [Problem(name(one.rule, part), message, one.clause or None) for part, message in found.items()]
