"""What is wrong with a form definition, told before it is deployed.

``check_form`` accepts any JSON object whatever and never raises: it returns one sentence per problem, naming the
question. A form that passes can be asked, judged and shown without surprise.
"""

import keyword
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from service.core import departures, expressions, forms_conditions, registers
from service.core.errors import Problem
from service.core.forms_shape import CHOICES, KINDS, OF_CASE, QUESTIONS, Directories

KEY = re.compile(r"[a-z][A-Za-z0-9_]{0,63}")
VARIABLE = re.compile(r"[a-z][a-z0-9_]{0,63}(\.[a-z][a-z0-9_]{0,63})?")
TAKEN = expressions.RESERVED | {"key", "csrf_token", "confirm_warnings", *keyword.kwlist}
LIMITS: dict[str, type] = {
    "required": bool, "requiredMessage": str, "minLength": int, "maxLength": int, "min": int, "max": int,
    "pattern": str, "patternErrorMessage": str, "noFuture": bool,
}  # fmt: skip
LIMITS_OF = {
    "textfield": {"minLength", "maxLength", "pattern", "patternErrorMessage"},
    "textarea": {"minLength", "maxLength", "pattern", "patternErrorMessage"},
    "number": {"min", "max"},
    "datetime": {"noFuture"},
}
REPEATED_REPEAT = re.compile(r"[+*}]\)[+*{]|\.\*\.\*")
RULE_KINDS = ("error", "warning", departures.KIND)
DEEPEST_NEST = 5

Said = Iterator[Problem]


def check_form(form: object, directories: Directories | None = None) -> list[Problem]:
    """Return what is wrong with ``form``; ``field`` is the question's key, or empty for the form as a whole.

    With ``directories``, choices from a list that does not exist are told too.
    """
    if not isinstance(form, Mapping):
        return [Problem("", "A form must be a JSON object")]
    return [*_head(form), *_level(form, {}, 0, directories), *_variables(form), *_rules(form), *_register(form)]


def _head(form: Mapping[str, Any]) -> Said:
    if not _words(form.get("title")):
        yield Problem("", "The form has no title: say in it what the person is to do")
    if form.get("type", "default") != "default":
        yield Problem("", "The form's type must be “default”")
    if not form.get("components"):
        yield Problem("", "The form has no components, so it asks nothing")


def _level(holder: Mapping[str, Any], around: Mapping[str, str], depth: int, directories: Directories | None) -> Said:
    """Check the questions of a form or of a list's rows. ``around``: keys before it, whose answers rows may look at."""
    if depth > DEEPEST_NEST:
        yield Problem("", "Lists and groups may stand five deep inside one another at most")
        return
    before = dict(around)
    here: Counter[str] = Counter()
    for component in _inner(holder):
        yield from _component(component, before, directories)
        key = _key(component)
        if _kind(component) in QUESTIONS and key:
            here[key] += 1
            before[key] = str(component["type"])
        if _kind(component) == "dynamiclist":
            yield from _level(component, before, depth + 1, directories)
    for key in (key for key, times in here.items() if times > 1):
        yield Problem(key, f"Two questions have the key “{key}”: give one of them another")


def _inner(holder: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield the components of a holder and of its groups; what is no object becomes an empty one."""
    components = holder.get("components")
    for component in components if isinstance(components, list) else []:
        found = component if isinstance(component, Mapping) else {}
        yield found
        if _kind(found) == "group" and depth < DEEPEST_NEST:
            yield from _inner(found, depth + 1)


def _kind(component: Mapping[str, Any]) -> str:
    found = component.get("type")
    return found if isinstance(found, str) else ""


def _key(component: Mapping[str, Any]) -> str:
    found = component.get("key") or component.get("path")
    return found if isinstance(found, str) else ""


def _component(component: Mapping[str, Any], before: Mapping[str, str], directories: Directories | None) -> Said:
    kind, key = _kind(component), _key(component)
    if kind not in KINDS:
        known = ", ".join(sorted(KINDS))
        yield Problem(key, f"A component is of the type “{kind}”, which this service cannot ask; it knows {known}")
        return
    for name, look in SHAPES.items():
        if name in component and not isinstance(component[name], look):
            yield Problem(key, f"“{name}” of “{key or kind}” is not written as it should be")
            return
    yield from _condition(component, key, before)
    if kind == "group" and component.get("path"):
        yield Problem(key, "A group must not have a path: its answers are kept beside the others")
    if kind in QUESTIONS:
        for check in CHECKS:
            yield from check(component, key)
        yield from _choices(component, key, directories)


SHAPES: dict[str, type | tuple[type, ...]] = {
    "key": str, "path": str, "label": str, "description": str, "text": str, "validate": Mapping, "properties": Mapping,
    "conditional": Mapping, "components": list, "values": list, "subtype": str, "noFuture": bool,
}  # fmt: skip


def _words(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _condition(component: Mapping[str, Any], key: str, before: Mapping[str, str]) -> Said:
    hide = (component.get("conditional") or {}).get("hide")
    if not hide:
        return
    try:
        names = forms_conditions.parse(str(hide)).names
    except ValueError as error:
        yield Problem(key, f"The condition of “{key}” cannot be read. {error}")
        return
    for name in sorted(n for n in names - before.keys() if not n.startswith("local.")):
        yield Problem(key, f"The condition of “{key}” looks at “{name}”, which is not a question before it")


def _naming(component: Mapping[str, Any], key: str) -> Said:
    if not key:
        yield Problem("", f"A question of the type {component['type']} has no key, so its answer has no name")
    elif not KEY.fullmatch(key):
        yield Problem(key, f"The key “{key[:40]}” must be a small letter, then letters, digits and _, 64 at most")
    elif key in TAKEN:
        yield Problem(key, f"The key “{key}” has a meaning of its own: choose another")
    if not _words(component.get("label") or component.get("dateLabel")):
        yield Problem(key, f"The question “{key}” has no label for people to read")


def _limits(component: Mapping[str, Any], key: str) -> Said:
    limits = component.get("validate") or {}
    allowed = LIMITS_OF.get(component["type"], set()) | {"required", "requiredMessage"}
    for name, value in limits.items():
        if name not in allowed:
            known = ", ".join(sorted(allowed))
            yield Problem(key, f"“{name}” cannot limit the answer to “{key}”; there may be {known}")
        elif value is not None and type(value) is not LIMITS[name]:
            yield Problem(key, f"“{name}” of “{key}” must be {WORDS[LIMITS[name]]}")
    for least, most in (("min", "max"), ("minLength", "maxLength")):
        low, high = limits.get(least), limits.get(most)
        if isinstance(low, int) and isinstance(high, int) and low > high:
            yield Problem(key, f"No answer to “{key}” can keep both its {least} and its {most}")
    yield from _pattern(limits.get("pattern"), key)


WORDS = {bool: "true or false", str: "text", int: "a whole number"}


def _pattern(pattern: object, key: str) -> Said:
    if not isinstance(pattern, str):
        return
    try:
        re.compile(pattern, re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        yield Problem(key, f"The pattern of “{key}” cannot be read: {error}")
    if REPEATED_REPEAT.search(pattern):
        yield Problem(key, f"The pattern of “{key}” repeats a repetition, which can take for ever: write it plainly")


def _kinds(component: Mapping[str, Any], key: str) -> Said:
    if component["type"] == "datetime" and component.get("subtype", "date") not in ("date", "datetime"):
        yield Problem(key, f"“{key}” must ask for a date or a datetime")
    if component["type"] == "dynamiclist":
        yield from _list(component, key)


def _list(component: Mapping[str, Any], key: str) -> Said:
    inner = {_key(c) for c in _inner(component) if _kind(c) in QUESTIONS}
    properties = component.get("properties") or {}
    if not inner:
        yield Problem(key, f"The list “{key}” asks nothing in its rows")
    source = properties.get("idFrom")
    if source is not None and str(source) not in inner:
        yield Problem(key, f"The rows of “{key}” take their id from “{source}”, which is not a question of the row")
    if properties.get("variable") and source is None and "id" not in inner:
        yield Problem(key, f"A process works through the rows of “{key}”: add a question “id”, or name one in idFrom")
    for question in _inner(component):
        if (question.get("properties") or {}).get("variable") if isinstance(question.get("properties"), Mapping) else 0:
            yield Problem(_key(question), "A question of a row cannot be a process variable; the list itself can")


CHECKS: tuple[Callable[[Mapping[str, Any], str], Said], ...] = (_naming, _limits, _kinds)


def _choices(component: Mapping[str, Any], key: str, directories: Directories | None) -> Said:
    if component["type"] not in CHOICES:
        return
    if component.get("valuesKey") is not None:
        yield from _source(component["valuesKey"], key, directories)
        return
    offered = component.get("values")
    values = [o.get("value") for o in offered if isinstance(o, Mapping)] if isinstance(offered, list) else []
    if not values or not all(isinstance(value, str) and value.strip() == value != "" for value in values):
        yield Problem(key, f"“{key}” must offer values, each a label and a value that is text")
    elif len(set(values)) < len(values):
        yield Problem(key, f"“{key}” offers the same value twice")


def _source(source: object, key: str, directories: Directories | None) -> Said:
    name = source.get("from") if isinstance(source, Mapping) else None
    if not _words(name):
        yield Problem(key, f"“{key}” must say which list it chooses from: valuesKey with “from”")
    elif str(name).startswith(OF_CASE):
        if not VARIABLE.fullmatch(str(name).removeprefix(OF_CASE)):
            yield Problem(key, f"“{key}” chooses from “{str(name)[:80]}”: after {OF_CASE} stands the name of a list")
    elif directories is not None and name not in directories:
        yield Problem(key, f"“{key}” chooses from the list “{name}”, which does not exist")


def _variables(form: Mapping[str, Any]) -> Said:
    seen: dict[str, bool] = {}
    for component in _inner(form):
        properties = component.get("properties")
        name = properties.get("variable") if isinstance(properties, Mapping) else None
        if name is None or _kind(component) not in QUESTIONS:
            continue
        key, conditional = _key(component), bool(component.get("conditional"))
        if not isinstance(name, str) or not VARIABLE.fullmatch(name) or set(name.split(".")) & TAKEN:
            yield Problem(key, f"“{str(name)[:40]}” cannot be the name of a process variable: small letters, digits, _")
        elif name in seen and not (conditional and seen[name]):
            yield Problem(key, f"Two questions set the variable “{name}”: each then needs a condition")
        else:
            seen[name] = conditional


def _rules(form: Mapping[str, Any]) -> Said:
    rules = form.get("rules") or []
    if not isinstance(rules, list) or not all(isinstance(rule, Mapping) for rule in rules):
        yield Problem("", "The rules of a form must be a list of objects")
        return
    keys = {_key(c) for c in _inner(form) if _kind(c) in QUESTIONS}
    ids = Counter(str(rule.get("id")) for rule in rules)
    for rule in rules:
        yield from _rule(rule, keys)
        if ids[str(rule.get("id"))] > 1 or not rule.get("id"):
            yield Problem(str(rule.get("field") or ""), f"The rule “{rule.get('id')}” needs an id of its own")


def _rule(rule: Mapping[str, Any], keys: set[str]) -> Said:
    field, name = str(rule.get("field") or ""), rule.get("id")
    if field not in keys:
        yield Problem(field, f"The rule “{name}” speaks of the question “{field}”, which this form does not ask")
    if not _words(rule.get("message")):
        yield Problem(field, f"The rule “{name}” has no message to show")
    if rule.get("kind", "error") not in RULE_KINDS:
        yield Problem(field, f"The kind of the rule “{name}” must be error, warning or departure")
    if rule.get("kind") == departures.KIND:
        yield from _departure(rule, field)
    if not _words(rule.get("when")):
        yield Problem(field, f"The rule “{name}” does not say when it is broken")
        return
    try:
        expressions.check(str(rule["when"]))
    except expressions.ExprError as error:
        yield Problem(field, f"The rule “{name}” cannot be read: {error}")


def _departure(rule: Mapping[str, Any], field: str) -> Said:
    """A departure is numbered, kept and listed: it needs a name that lasts and the clause it departs from."""
    name = rule.get("id")
    if not isinstance(name, str) or not departures.RULE_ID.fullmatch(name):
        yield Problem(field, f"The id of the departure “{name}” must be a small letter, then small letters, digits, _")
    if not _words(rule.get("clause")):
        yield Problem(field, f"The departure “{name}” does not say which clause it departs from")


def _register(form: Mapping[str, Any]) -> Said:
    asked = [c for c in _inner(form) if _kind(c) in QUESTIONS]
    lists = {_key(c): {_key(q) for q in _inner(c)} for c in asked if _kind(c) == "dynamiclist"}
    yield from registers.problems(form.get("register"), {_key(c) for c in asked}, lists)
