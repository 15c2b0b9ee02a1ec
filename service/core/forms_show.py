"""Answers as people read them back: the question, and the words for what was answered.

Accepts answers as ``submit`` returns them and as a record keeps them (dates as ISO text). Never fails on an answer that
an older version of a form allowed: what cannot be worded is shown as it is.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from service.core.forms_shape import (
    Component,
    Directories,
    components_of,
    is_blank,
    key_of,
    label_of,
    options,
    questions,
)

LONDON = ZoneInfo("Europe/London")
NOT_GIVEN = "Not given"

Shown: TypeAlias = "str | list[list[tuple[str, Shown]]]"
Row: TypeAlias = tuple[str, Shown]


def show(form: Mapping[str, Any], answers: Mapping[str, object], directories: Directories) -> list[Row]:
    """Return ``(label, text)`` for every question that was asked, in reading order.

    The text of a list is its rows, each a list of ``(label, text)`` again. Longer texts keep their line feeds.
    """
    asked = [question for question in questions(components_of(form)) if key_of(question) in answers]
    return [(label_of(question), _worded(question, answers[key_of(question)], directories)) for question in asked]


def _worded(question: Component, answer: object, directories: Directories) -> Shown:
    if question["type"] == "checkbox":
        return "Yes" if answer else "No"
    if question["type"] == "dynamiclist" and isinstance(answer, list) and answer:
        return [show(question, row, directories) for row in answer if isinstance(row, Mapping)]
    if is_blank(answer):
        return NOT_GIVEN
    if question["type"] == "datetime":
        return british(answer)
    labels = {option.value: option.label for option in options(question, directories)}
    if isinstance(answer, list):
        return "; ".join(labels.get(str(item), str(item)) for item in answer)
    return labels.get(str(answer), str(answer))


def british(moment: object) -> str:
    """Return ``29 May 2013`` or ``29 May 2013, 2:30pm`` in London time; what is no date is returned as text."""
    if isinstance(moment, str):
        try:
            moment = date.fromisoformat(moment) if len(moment) == len("2013-05-29") else datetime.fromisoformat(moment)
        except ValueError:
            return str(moment)
    if not isinstance(moment, date):
        return str(moment)
    if not isinstance(moment, datetime):
        return f"{moment.day} {moment:%B %Y}"
    local = moment.astimezone(LONDON) if moment.tzinfo else moment
    minutes = f":{local.minute:02}" if local.minute else ""
    return f"{local.day} {local:%B %Y}, {local.hour % 12 or 12}{minutes}{'am' if local.hour < 12 else 'pm'}"
