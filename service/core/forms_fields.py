"""One builder per kind of question: a form-js component becomes a marshmallow field that says what is wrong in words.

Promises: a field accepts exactly the spellings named here and gives back the one Python type of its kind: text ``str``,
``number`` ``int``, date ``date``, date and time an aware ``datetime`` in London time, ``checkbox`` ``bool``,
``checklist`` ``list[str]``. A sentence of refusal always names the question.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from marshmallow import ValidationError, fields, validate

from service.core import forms_wording as wording
from service.core.forms_door import LONGEST_TEXT
from service.core.forms_shape import (
    Component,
    Directories,
    is_instant,
    is_required,
    label_of,
    limits_of,
    no_future,
    options,
    whole,
)

LONDON = ZoneInfo("Europe/London")
FIRST_YEAR, LAST_YEAR = 1900, 2100
DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
DATE_PARTS = re.compile(r"([^-T]*)-([^-T]*)-([^-T]*)(?:T(.*))?", re.DOTALL)
INSTANT = re.compile(DATE.pattern + r"[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?")
LONGEST_MATCHED = 500

Reader: TypeAlias = Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class Asking:
    """What judging an answer depends on besides the form: the moment, and the directories that choices come from."""

    at: datetime
    directories: Directories


def build(component: Component, asking: Asking) -> fields.Field[Any]:
    """Return the field for a question. Raises ``KeyError`` for an unknown kind (the gate refuses those)."""
    return BUILDERS[component["type"]](component, asking)


def asked_for(component: Component, read: Reader, *checks: Callable[[Any], Any]) -> fields.Field[Any]:
    """Return a field that reads with ``read``, then applies ``checks``; required as the component says."""
    required = is_required(component)
    sentence = missing(component)
    return fields.Function(
        deserialize=read,
        required=required,
        allow_none=not required,
        validate=list(checks),
        error_messages={"required": sentence, "null": sentence},
    )


def missing(component: Component) -> str:
    """Return what is said when a required question has no answer; ``validate.requiredMessage`` comes first."""
    own = limits_of(component).get("requiredMessage")
    select = component["type"] in ("select", "radio", "checklist")
    return str(own) if own else wording.missing(label_of(component), select=select)


def _says(component: Component, end: str) -> ValidationError:
    return ValidationError(f"{wording.subject(label_of(component))} {end}")


def _text(component: Component, _: Asking, *, lines: bool) -> fields.Field[Any]:
    def read(answer: object) -> str:
        if not isinstance(answer, str):
            raise _says(component, "must be text")
        if not lines and ("\n" in answer or "\t" in answer):
            raise _says(component, "must be on one line, without tabs")
        return answer

    return asked_for(component, read, *_lengths(component), *_pattern(component))


def _lengths(component: Component) -> list[validate.Validator]:
    limits, name = limits_of(component), wording.subject(label_of(component))
    least, most = limits.get("minLength"), min(limits.get("maxLength") or LONGEST_TEXT, LONGEST_TEXT)
    checks: list[validate.Validator] = [validate.Length(max=most, error=f"{name} must be {most:,} characters or fewer")]
    if least:
        checks.append(validate.Length(min=least, error=f"{name} must be {least:,} characters or more"))
    return checks


def _pattern(component: Component) -> list[Callable[[str], None]]:
    pattern = limits_of(component).get("pattern")
    own = limits_of(component).get("patternErrorMessage")

    def check(answer: str) -> None:
        if len(answer) > LONGEST_MATCHED or not re.search(str(pattern), answer, re.ASCII):
            raise ValidationError(str(own)) if own else _says(component, "is not in the right format")

    return [check] if pattern else []


def _number(component: Component, _: Asking) -> fields.Field[Any]:
    least, most = limits_of(component).get("min"), limits_of(component).get("max")

    def read(answer: object) -> int:
        number = whole(answer)
        if number is None:
            raise _says(component, "must be a whole number, like 15")
        if (least is not None and number < least) or (most is not None and number > most):
            raise _says(component, wording.limits(least, most))
        return number

    return asked_for(component, read)


def _choice(component: Component, asking: Asking) -> fields.Field[Any]:
    offered = {option.value for option in options(component, asking.directories)}

    def read(answer: object) -> str:
        if not isinstance(answer, str) or answer not in offered:
            raise ValidationError(missing(component))
        return answer

    return asked_for(component, read)


def _checklist(component: Component, asking: Asking) -> fields.Field[Any]:
    offered = {option.value for option in options(component, asking.directories)}

    def read(answer: object) -> list[str]:
        if not isinstance(answer, list) or not all(isinstance(item, str) and item in offered for item in answer):
            raise ValidationError(missing(component))
        return list(dict.fromkeys(answer))

    return asked_for(component, read)


def _checkbox(component: Component, _: Asking) -> fields.Field[Any]:
    sentence = limits_of(component).get("requiredMessage") or f"Tick “{label_of(component)}” to continue"

    def read(answer: object) -> bool:
        if not isinstance(answer, bool):
            raise ValidationError(f"“{label_of(component)}” must be ticked or not ticked")
        if is_required(component) and not answer:
            raise ValidationError(str(sentence))
        return answer

    return fields.Function(deserialize=read, required=True)


def _datetime(component: Component, asking: Asking) -> fields.Field[Any]:
    return asked_for(component, partial(_instant if is_instant(component) else _date, component, asking))


def _date(component: Component, asking: Asking, answer: object) -> date:
    if isinstance(answer, datetime) or not isinstance(answer, date | str):
        raise _says(component, "must be a date without a time, like 27 3 2013")
    found = answer if isinstance(answer, date) else _real_date(component, answer.strip())
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise _says(component, f"must be between {FIRST_YEAR} and {LAST_YEAR}")
    if no_future(component) and found > asking.at.astimezone(LONDON).date():
        raise _says(component, "must be today or in the past")
    return found


def _real_date(component: Component, text: str) -> date:
    match = DATE.fullmatch(text)
    try:
        if match:
            return date(*map(int, match.groups()))
    except ValueError:
        raise _says(component, "must be a real date, like 27 3 2013") from None
    raise _says(component, _unread(text, ("day", "month", "year")))


def _unread(text: str, asked: tuple[str, ...]) -> str:
    """Say what a date lacks. ``text`` is ``year-month-day``, then ``T`` and the time if one was given."""
    parts = DATE_PARTS.fullmatch(text)
    if parts is None:
        return "must be a real date, like 27 3 2013" + (" at 14:30" if "time" in asked else "")
    given = dict(zip(("year", "month", "day", "time"), parts.groups(), strict=True))
    lacking = [f"a {part}" for part in asked if not (given[part] or "").strip()]
    if lacking:
        return f"must include {wording.listed(lacking)}"
    if not re.fullmatch(r"[0-9]{4}", given["year"]):
        return "must include a year with 4 numbers"
    if "time" not in asked and given["time"]:
        return "must be a date without a time"
    return "must be a real date" + (" and time, like 27 3 2013 at 14:30" if "time" in asked else ", like 27 3 2013")


def _instant(component: Component, asking: Asking, answer: object) -> datetime:
    found = answer if isinstance(answer, datetime) else _real_instant(component, answer)
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise _says(component, f"must be between {FIRST_YEAR} and {LAST_YEAR}")
    local = found.astimezone(LONDON) if found.tzinfo else found.replace(tzinfo=LONDON)
    if found.tzinfo is None and local.astimezone(ZoneInfo("UTC")).astimezone(LONDON).replace(tzinfo=None) != found:
        raise _says(component, "must be a time that existed: the clocks went forward in that hour")
    if no_future(component) and local > asking.at:
        raise _says(component, "must be in the past")
    return local


def _real_instant(component: Component, answer: object) -> datetime:
    if not isinstance(answer, str):
        raise _says(component, "must be a date and a time, like 27 3 2013 at 14:30")
    try:
        if INSTANT.fullmatch(answer.strip()):
            return datetime.fromisoformat(answer.strip())
    except ValueError:
        pass
    raise _says(component, _unread(answer.strip(), ("day", "month", "year", "time")))


BUILDERS: dict[str, Callable[[Component, Asking], fields.Field[Any]]] = {
    "textfield": partial(_text, lines=False),
    "textarea": partial(_text, lines=True),
    "number": _number,
    "datetime": _datetime,
    "select": _choice,
    "radio": _choice,
    "checklist": _checklist,
    "checkbox": _checkbox,
}
