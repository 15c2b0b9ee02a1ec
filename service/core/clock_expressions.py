"""An expression of a diagram in plain words, for where there is no sum to be told.

``months_after(came_on, 1) if late is None else late`` reads ``came on + 1 calendar month if late is not known,
otherwise late``. What has no words of its own is left as it is written, without its underscores.
"""

import ast
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

LONGEST = 200


def expression_words(node: ast.expr) -> str:
    """The words for a part of an expression, cut short if there are very many."""
    told = _words(node)
    return told if len(told) <= LONGEST else f"{told[:LONGEST].rstrip()} …"


def _words(node: ast.expr) -> str:
    rule = _RULES.get(type(node))
    told = rule(node) if rule is not None else ""
    return told or ast.unparse(node).replace("_", " ")


def _name(node: ast.Name) -> str:
    return node.id.replace("_", " ")


def _attribute(node: ast.Attribute) -> str:
    whole = ast.unparse(node)
    if not whole.replace(".", "").replace("_", "").isalnum():
        return ""
    return " ".join(whole.removeprefix("clocks.").removeprefix("local.").replace("_", " ").split("."))


def _call(node: ast.Call) -> str:
    called = node.func.id if isinstance(node.func, ast.Name) else ""
    parts = [_words(part) for part in node.args]
    if called in _AFTER and len(parts) == 2:
        return f"{parts[0]} + {parts[1]} {_AFTER[called]}{'' if parts[1] == '1' else 's'}"
    if called in _OF and len(parts) == 1:
        return f"{_OF[called]} {parts[0]}"
    if called in _LENGTHS and len(parts) == 1:
        return f"{parts[0]} {_LENGTHS[called]}{'' if parts[0] == '1' else 's'}"
    if called in _AMONG and len(parts) > 1:
        return f"the {_AMONG[called]} of {', '.join(parts[:-1])} and {parts[-1]}"
    return _NOW.get(called, "")


def _choice(node: ast.IfExp) -> str:
    return f"{_words(node.body)} if {_words(node.test)}, otherwise {_words(node.orelse)}"


def _both(node: ast.BoolOp) -> str:
    return (" or " if isinstance(node.op, ast.Or) else " and ").join(_words(part) for part in node.values)


def _binary(node: ast.BinOp) -> str:
    signs = {ast.Add: "+", ast.Sub: "−"}
    sign = signs.get(type(node.op))
    return f"{_words(node.left)} {sign} {_words(node.right)}" if sign else ""


def _compare(node: ast.Compare) -> str:
    if len(node.ops) != 1 or not isinstance(node.comparators[0], ast.Constant) or node.comparators[0].value is not None:
        return ""
    known = {ast.IsNot: "is known", ast.NotEq: "is known", ast.Is: "is not known", ast.Eq: "is not known"}
    said = known.get(type(node.ops[0]))
    return f"{_words(node.left)} {said}" if said else ""


_AFTER: Mapping[str, str] = MappingProxyType({"months_after": "calendar month", "working_days_after": "working day"})
_OF: Mapping[str, str] = MappingProxyType(
    {"end_of_day": "the end of", "date": "the day of", "act_by": "the last working day on or before"}
)
_LENGTHS: Mapping[str, str] = MappingProxyType(
    {"days": "day", "weeks": "week", "months": "calendar month", "years": "year"}
)
_AMONG: Mapping[str, str] = MappingProxyType(
    {"later": "latest", "max": "latest", "earlier": "earliest", "min": "earliest"}
)
_NOW: Mapping[str, str] = MappingProxyType({"now": "the day it began", "today": "the day it began"})
_RULES: Mapping[type[ast.expr], Callable[[Any], str]] = MappingProxyType({
    ast.Name: _name, ast.Attribute: _attribute, ast.Call: _call, ast.IfExp: _choice, ast.BoolOp: _both,
    ast.BinOp: _binary, ast.Compare: _compare,
})  # fmt: skip
