"""Plain words for what a diagram holds: kinds of element, names of fields, periods and dates.

Used wherever a process owner or an auditor reads about a diagram; no BPMN term is needed to understand it.
"""

import re

KINDS = {
    "userTask": "user task",
    "scriptTask": "calculation",
    "businessRuleTask": "decision",
    "callActivity": "called process",
    "subProcess": "sub-process",
    "startEvent": "start",
    "endEvent": "end",
    "intermediateCatchEvent": "wait",
    "intermediateThrowEvent": "milestone",
    "boundaryEvent": "event on a task",
    "exclusiveGateway": "choice",
    "parallelGateway": "split or join",
    "eventBasedGateway": "wait for what comes first",
    "sequenceFlow": "way",
    "lane": "lane",
    "participant": "pool",
    "process": "process",
}

FIELDS = {
    "form": "form",
    "role": "responsible role",
    "lane": "lane",
    "agency": "agency",
    "due": "due date",
    "due_basis": "reason for the date",
    "remind": "reminder",
    "clause": "clause",
    "guidance": "guidance",
    "asks": "“who asked”",
    "next": "“what happens next”",
    "takes": "“how long it takes”",
    "example": "example",
    "timeDate": "date",
    "timeDuration": "waiting time",
    "timeCycle": "repetition",
    "clock": "clock key",
    "name": "name of the time limit",
    "from": "start of the time limit",
    "kind": "kind of the time limit",
    "held": "holds of the time limit",
    "remind_roles": "people reminded",
    "condition": "condition",
    "default": "way otherwise taken",
    "script": "calculation",
    "calledDecisionId": "decision table",
    "called": "process it runs",
    "message": "message",
    "list": "list it repeats over",
    "item": "name of each item",
    "sequential": "one after another",
    "only": "items it is done for",
    "interrupting": "ends the task",
    "sourceRef": "start of the way",
    "targetRef": "goal of the way",
    "attachedToRef": "task it belongs to",
    "outcome": "outcome",
    "when": "condition for offering it",
    "when_not": "sentence while it is not offered",
    "rests": "outcome while a case rests here",
    "rests_name": "name of a case that rests here",
}

_PERIOD = re.compile(r"""["']P(?:(\d+)([WD])|T(\d+)H)["']""")
_WORKING_DAYS = re.compile(r"working_days_after\(opened_at, ?(\d+)\)")
_MONTHS = re.compile(r"months_after\((\w+), ?(\d+)\)")


def kind_words(kind: str) -> str:
    """``userTask`` -> ``user task``; a kind without own words is split at its capitals."""
    return KINDS.get(kind) or re.sub(r"(?<=[a-z])([A-Z])", r" \1", kind).lower()


def field_words(field: str) -> str:
    """Return what people call a field of the panel."""
    return FIELDS.get(field, field.replace("_", " "))


def value_words(field: str, value: str) -> str:
    """Return a field's value as people say it: ``"P10D"`` is ``10 days``; what has no words stays an expression."""
    if field == "remind":
        days = sorted(value.split(), key=lambda day: (len(day), day), reverse=True)
        return f"{listed(days)} {'day' if days == ['1'] else 'days'} before"
    found = _PERIOD.fullmatch(value)
    if found:
        number, unit = (found[3], "hour") if found[3] else (found[1], {"W": "week", "D": "day"}[found[2]])
        return counted(int(number), unit)
    found = _WORKING_DAYS.fullmatch(value)
    if found:
        return f"{counted(int(found[1]), 'working day')} after it opens"
    found = _MONTHS.fullmatch(value)
    return f"{counted(int(found[2]), 'month')} after {found[1]}" if found else value


def counted(number: int, noun: str) -> str:
    """``1 day``, ``2 days``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(words: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
