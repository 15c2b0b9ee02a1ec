"""What may be written in an expression or a script: the allow-list of constructs.

The tree is measured before it is walked (nodes, depth). Every construct that is not named here is refused, also where
it would never be reached.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from math import isfinite
from types import MappingProxyType
from typing import Any, cast

from service.core.expressions_filling import braces, percents
from service.core.expressions_functions import FUNCTIONS
from service.core.expressions_methods import DATE_FORMATS, METHOD_NAMES, METHODS, NUMBER_FORMATS
from service.core.expressions_operators import BINARY, COMPARE
from service.core.expressions_reading import DEPTH, PLAIN_NAME, measure_text, parse_python
from service.core.expressions_values import ExprError, ExprSyntax

NODES = 400
CONSTANT_BITS = 64
LOCAL = "local"
FORMATS = NUMBER_FORMATS | frozenset(DATE_FORMATS)
_IDENTITY = (ast.Is, ast.IsNot)
_SINGLE = (type(None), bool)


def parse(text: str) -> ast.expr:
    """The tree of one expression, every construct of it allowed. ExprSyntax if it is none, ExprError if refused."""
    return _parsed(measure_text(text))


@lru_cache(maxsize=256)
def _parsed(text: str) -> ast.expr:
    tree = parse_python(text, "eval")
    if not isinstance(tree, ast.Expression):
        raise ExprSyntax("this is not an expression")
    admit(tree.body)
    return tree.body


def admit(tree: ast.expr) -> None:
    """Refuse the tree with ExprError unless all of it is allowed and it is small enough."""
    waiting: list[tuple[ast.AST, int]] = [(tree, 1)]
    gathered: set[int] = set()
    nodes = 0
    while waiting:
        node, depth = waiting.pop()
        nodes += 1
        if nodes > NODES or depth > DEPTH:
            raise ExprError(f"an expression has at most {NODES} parts, {DEPTH} deep")
        rule = _RULES.get(type(node))
        if rule is None:
            raise ExprError(f"{_construct(node)} is not allowed in an expression")
        if isinstance(node, ast.GeneratorExp) and id(node) not in gathered:
            raise ExprError("a bare 'for' needs square brackets here")
        gathered.update(id(each) for each in _gathers(node))
        rule(node)
        waiting.extend((child, depth + 1) for child in _parts(node))


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    skipped = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)
    callee = node.func if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None
    for child in ast.iter_child_nodes(node):
        if child is not callee and not isinstance(child, skipped):
            yield child


def _gathers(node: ast.AST) -> list[ast.expr]:
    if not isinstance(node, ast.Call) or len(node.args) != 1:
        return []
    if isinstance(node.func, ast.Name):
        known = FUNCTIONS.get(node.func.id)
        return node.args if known and known.gathers else []
    return node.args if isinstance(node.func, ast.Attribute) and node.func.attr == "join" else []


def _construct(node: ast.AST) -> str:
    return f"'{type(node).__name__}'"


def plain_name(name: str) -> str:
    """The name, if expressions may use it: plain letters, digits and '_', not starting with '_'."""
    if name.startswith("_") or not name.isascii():
        raise ExprError(PLAIN_NAME)
    return name


def _variable(node: ast.Name) -> None:
    if plain_name(node.id) in FUNCTIONS:
        raise ExprError(f"'{node.id}' is a function: it can be called, not used as a value or a variable")


def _constant(node: ast.Constant) -> None:
    value: object = node.value
    if type(value) is str:
        if "\0" in value or any("\ud800" <= mark <= "\udfff" for mark in value):
            raise ExprError("a text holds a character that cannot be kept")
    elif type(value) is int:
        if value.bit_length() > CONSTANT_BITS:
            raise ExprError("a whole number is too big")
    elif not (value is None or type(value) is bool or (type(value) is float and isfinite(value))):
        raise ExprError("a constant is a text, a number within reason, True, False or None")


def _attribute(node: ast.Attribute) -> None:
    plain_name(node.attr)


def _call(node: ast.Call) -> None:
    if isinstance(node.func, ast.Name):
        function = FUNCTIONS.get(plain_name(node.func.id))
        if function is None:
            raise ExprError(f"there is no function '{node.func.id}'")
        _arguments(node, node.func.id, (function.least, function.most), function.keywords)
    elif isinstance(node.func, ast.Attribute):
        name = plain_name(node.func.attr)
        if name not in METHOD_NAMES:
            raise ExprError(f"there is no method '.{name}()'")
        takes = [table[name] for table in METHODS.values() if name in table]
        bounds = min(each.least for each in takes), max(each.most for each in takes)
        _arguments(node, f".{name}", bounds, frozenset())
        _written_out(node.func.value, name, node.args)
    else:
        raise ExprError("only a named function or method can be called")


def _written_out(holder: ast.expr, name: str, given: list[ast.expr]) -> None:
    """Refuse already here a template or a date format that stands in the text and can never work."""
    if name == "format" and isinstance(holder, ast.Constant) and type(holder.value) is str:
        braces(holder.value, len(given))
    if name == "strftime" and isinstance(given[0], ast.Constant) and given[0].value not in DATE_FORMATS:
        raise ExprError("strftime() takes one of the named formats: " + ", ".join(DATE_FORMATS))


def _arguments(node: ast.Call, name: str, bounds: tuple[int, int], keywords: frozenset[str]) -> None:
    given = [each.arg for each in node.keywords]
    if not bounds[0] <= len(node.args) <= bounds[1]:
        raise ExprError(f"{name}() is given the wrong number of values")
    if len(set(given)) != len(given) or not all(each in keywords for each in given):
        raise ExprError(f"{name}() does not take that keyword")


def _keyword(node: ast.keyword) -> None:
    if node.arg is None:
        raise ExprError("'**' is not allowed in an expression")


def _dict(node: ast.Dict) -> None:
    if any(key is None for key in node.keys):
        raise ExprError("'**' is not allowed in an expression")


def _unary(node: ast.UnaryOp) -> None:
    if not isinstance(node.op, ast.Not | ast.USub | ast.UAdd):
        raise ExprError(f"{_construct(node.op)} is not allowed in an expression")


def _binary(node: ast.BinOp) -> None:
    if type(node.op) not in BINARY:
        raise ExprError(f"{_construct(node.op)} is not allowed in an expression")
    if isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant) and type(node.left.value) is str:
        percents(node.left.value)


def _compare(node: ast.Compare) -> None:
    for sign, right in zip(node.ops, node.comparators, strict=True):
        if type(sign) not in COMPARE:
            raise ExprError(f"{_construct(sign)} is not allowed in an expression")
        if isinstance(sign, _IDENTITY) and not (isinstance(right, ast.Constant) and type(right.value) in _SINGLE):
            raise ExprError("'is' compares with None, True or False only")


def _comprehension(node: ast.comprehension) -> None:
    targets = node.target.elts if isinstance(node.target, ast.Tuple) else [node.target]
    if node.is_async or not all(isinstance(each, ast.Name) for each in targets):
        raise ExprError("'for' names one variable, or a few separated by commas")
    if any(cast("ast.Name", each).id == LOCAL for each in targets):
        raise ExprError(f"'{LOCAL}' is kept for the local rules and cannot be a variable of 'for'")


def _one_for(node: ast.ListComp | ast.GeneratorExp) -> None:
    if len(node.generators) != 1:
        raise ExprError("only one 'for' is allowed")


def _formatted(node: ast.FormattedValue) -> None:
    if node.conversion != -1:
        raise ExprError("'!r' and its like are not allowed in an f-string")
    format_of(node)


def format_of(node: ast.FormattedValue) -> str:
    """The format written after the colon of an f-string's field, '' if none. ExprError unless it is a named one."""
    if node.format_spec is None:
        return ""
    parts = cast("ast.JoinedStr", node.format_spec).values
    if all(isinstance(part, ast.Constant) for part in parts):
        form = "".join(str(cast("ast.Constant", part).value) for part in parts)
        if not form or form in FORMATS:
            return form
    raise ExprError("an f-string takes one of the named formats: " + "  ".join(sorted(FORMATS)))


def _any(node: ast.AST) -> None:
    pass


_RULES: Mapping[type[ast.AST], Callable[[Any], None]] = MappingProxyType(
    {
        ast.Name: _variable,
        ast.Constant: _constant,
        ast.Attribute: _attribute,
        ast.Call: _call,
        ast.keyword: _keyword,
        ast.BoolOp: _any,
        ast.UnaryOp: _unary,
        ast.BinOp: _binary,
        ast.Compare: _compare,
        ast.IfExp: _any,
        ast.List: _any,
        ast.Tuple: _any,
        ast.Set: _any,
        ast.Dict: _dict,
        ast.Subscript: _any,
        ast.Slice: _any,
        ast.ListComp: _one_for,
        ast.GeneratorExp: _one_for,
        ast.comprehension: _comprehension,
        ast.JoinedStr: _any,
        ast.FormattedValue: _formatted,
    }
)
