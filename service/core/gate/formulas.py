"""Expressions of a diagram: whether one can be evaluated, what it reads, and what a constant one gives."""

import ast
import re
from collections.abc import Callable

from service.core import expressions
from service.core.expressions_functions import FUNCTIONS as _CALLS

FUNCTIONS = frozenset(_CALLS)

_FEEL = re.compile(r"^\s*=")


def _said(ask: Callable[[str], object], text: str) -> str | None:
    try:
        ask(text)
    except (expressions.ExprError, expressions.ExprSyntax) as wrong:
        return str(wrong) or "it cannot be read."
    return None


def problem(text: str) -> str | None:
    """Why ``text`` is not an expression, as the end of a sentence; ``None`` if it is one."""
    return _said(expressions.check, text)


def script_problem(text: str) -> str | None:
    """Why ``text`` is not a list of assignments; ``None`` if it is one."""
    return _said(expressions.check_script, text)


def reads(text: str) -> frozenset[str]:
    """The variables an expression reads; empty if it is no expression."""
    try:
        return frozenset(expressions.names(text))
    except (expressions.ExprError, expressions.ExprSyntax):
        return frozenset()


def constant(text: str) -> object:
    """The value of a literal, or ``None`` when ``text`` is anything else."""
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None


def assignments(script: str) -> list[tuple[str, str]]:
    """The lines of a script as (target, expression); a target may be ``item.field``."""
    try:
        body = ast.parse(script).body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return []
    return [
        (ast.unparse(line.targets[0]), ast.unparse(line.value))
        for line in body if isinstance(line, ast.Assign) and len(line.targets) == 1
    ]  # fmt: skip


def hint(text: str) -> str | None:
    """How to write what another tool writes differently, if ``text`` looks like it."""
    bare = text.strip()
    if bare.startswith(("${", "#{")) and bare.endswith("}"):
        return f"Write it without the ${{ }}, as in  {bare[2:-1].replace('&&', 'and').replace('||', 'or')}"
    if _FEEL.match(text):
        return "Write it without the leading =, with == for “equals”."
    if re.search(r"(?<![=!<>])=(?!=)", text):
        return "Write == for “equals”."
    if re.search(r"&&|\|\||!(?!=)", text):
        return "Write and, or, not in words."
    if re.search(r"\b(true|false|null)\b", text):
        return "Write True, False and None with capital letters."
    return None
