"""Expressions of a diagram: whether one can be evaluated, what it reads, and what a constant one gives."""

import ast
import keyword
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from service.core import expressions
from service.core.expressions_reading import CHARACTERS
from service.core.gate import feel

FOREIGN_AS = {
    "true": "True", "false": "False", "null": "None", "TRUE": "True", "FALSE": "False", "NULL": "None", "NONE": "None",
    "none": "None", "nil": "None", "undefined": "None",
}  # fmt: skip
FOREIGN = frozenset(FOREIGN_AS)
PERIODS = {"months", "years", "relativedelta"}  # no value by themselves, but one beside a date
LONGEST = CHARACTERS
SOME_DAY = datetime(2026, 1, 15, 9, tzinfo=UTC)  # any day will do: only the kind of a value is asked

_FEEL = re.compile(r"^\s*=")


def _said(ask: Callable[[str], object], text: str) -> str | None:
    try:
        ask(text)
    except expressions.ExprError as wrong:
        said = str(wrong)
        return f"{said.rstrip('.') or 'it cannot be read'}."
    return None


def problem(text: str) -> str | None:
    """Why ``text`` is not an expression, as the end of a sentence; ``None`` if it is one."""
    wrong = _said(expressions.check, text)
    if wrong:
        return wrong
    foreign = sorted(reads(text) & FOREIGN)
    if foreign:
        return f"“{foreign[0]}” is written {FOREIGN_AS[foreign[0]]} here."
    found = value(text)
    return found[1] if found else next(_failing(text), None)


def _failing(text: str) -> Iterator[str]:
    """Why a call inside fails that needs nothing but constants, such as ``date(2026, 2, 30)``."""
    for node in ast.walk(ast.parse(text.strip(), mode="eval")):
        if not isinstance(node, ast.Call) or (isinstance(node.func, ast.Name) and node.func.id in PERIODS):
            continue
        found = value(ast.unparse(node))
        if found and found[1]:
            yield found[1]


def is_expression(text: str) -> bool:
    """Whether ``text`` has the form of an expression, allowed or not."""
    try:
        expressions.check(text)
    except expressions.ExprSyntax:
        return False
    except expressions.ExprError:
        return True
    return True


def script_problem(text: str) -> str | None:
    """Why ``text`` is not a list of assignments; ``None`` if it is one."""
    return _said(expressions.check_script, text)


def reads(text: str) -> frozenset[str]:
    """The variables an expression reads; empty if it is no expression."""
    try:
        return frozenset(expressions.names(text))
    except expressions.ExprError:
        return frozenset()


def locals_read(text: str) -> tuple[frozenset[str], bool]:
    """The local rules an expression reads, and whether it uses ``local`` in any other way than ``local.<id>``."""
    if "local" not in reads(text):
        return frozenset(), False
    tree = ast.parse(text.strip(), mode="eval")
    held = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and _is_local(n.value)]
    return frozenset(n.attr for n in held), sum(map(_is_local, ast.walk(tree))) > len(held)


def _is_local(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "local"


def constant(text: str) -> object:
    """The value of a literal, or ``None`` when ``text`` is anything else, or too long to be one."""
    if len(text) > LONGEST:
        return None
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None


def name_problem(name: str) -> str | None:
    """Why a variable cannot have this name; ``None`` if it can."""
    if not name.isidentifier() or not name.isascii():
        return "a name consists of letters, figures and underscores."
    if name.startswith("_") or keyword.iskeyword(name):
        return "it is kept for the language itself."
    if name in expressions.RESERVED:
        return "it is kept for the service itself."
    return None


def value(text: str, given: Mapping[str, object] | None = None) -> tuple[object, str | None] | None:
    """What ``text`` gives when it needs nothing but ``given``: (value, ``None``) or (``None``, why it has no value).

    ``None`` when it looks at anything that is known only in a running case.
    """
    if not reads(text) <= set(given or {}) or not _local_rules_are(given or {}, text):
        return None
    try:
        return expressions.evaluate(text, given or {}, at=SOME_DAY), None
    except expressions.ExprError as wrong:
        return None, f"{str(wrong).rstrip('.')}."


def _local_rules_are(given: Mapping[str, object], text: str) -> bool:
    """Whether the local rules an expression reads are all given: one that is not there is told elsewhere."""
    known = given.get("local")
    return not isinstance(known, Mapping) or locals_read(text)[0] <= known.keys()


def assignments(script: str) -> list[tuple[str, str]]:
    """The lines of a script as (target, expression); a target may be ``item.field``. Empty if it is no script."""
    try:
        return [(line.target, line.expression) for line in expressions.lines(script)]
    except expressions.ExprError:
        return []


def hint(text: str) -> str | None:
    """How to write what another tool writes differently, if ``text`` looks like it."""
    bare = text.strip()
    if len(bare) > LONGEST:
        return "Write a shorter expression."
    if bare.startswith(("${", "#{")) and bare.endswith("}"):
        return f"Write it without the ${{ }}, as in  {bare[2:-1].replace('&&', 'and').replace('||', 'or')}"
    if _FEEL.match(text):
        return "Write it without the leading =, with == for “equals”."
    if spelling := feel.spelling(text):
        return spelling
    if re.search(r"(?<![=!<>])=(?!=)", text):
        return "Write == for “equals”."
    if re.search(r"&&|\|\||!(?!=)", text):
        return "Write and, or, not in words."
    if re.search(r"\b(true|false|null)\b", text):
        return "Write True, False and None with capital letters."
    return None
