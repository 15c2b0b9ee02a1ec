"""Works out an admitted tree, one node at a time, each counted and its value checked.

Nothing is ever changed: the data an expression sees is the same before and after.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, cast

from service.core.expressions_functions import FUNCTIONS
from service.core.expressions_grammar import format_of
from service.core.expressions_methods import ATTRIBUTES, formatted, method_of
from service.core.expressions_operators import BINARY, COMPARE, negative, positive
from service.core.expressions_values import (
    CALL_STEPS,
    STEP_WORK,
    ExprError,
    Run,
    bounded,
    built,
    checked,
    kind,
    weight,
    written,
)

KEYS_REFUSED = frozenset({"typename"})


def value_of(run: Run, node: ast.expr) -> Any:
    """The value of an admitted node. ExprError if it has none or the run's budget is used up."""
    run.step()
    return checked(run, _RULES[type(node)](run, node))


def _name(run: Run, node: ast.Name) -> object:
    if node.id in run.local:
        return run.local[node.id]
    if node.id in run.names:
        return run.names[node.id]
    raise ExprError(f"there is no variable called '{node.id}' here")


def _constant(_run: Run, node: ast.Constant) -> object:
    return node.value


def _attribute(run: Run, node: ast.Attribute) -> object:
    holder = value_of(run, node.value)
    if type(holder) is dict:
        if node.attr in holder:
            return holder[node.attr]
        raise ExprError(f"the record has no '{node.attr}'")
    if node.attr in ATTRIBUTES.get(type(holder), ()):
        return getattr(holder, node.attr)
    raise ExprError(f"{kind(holder)} has no '.{node.attr}'")


def _subscript(run: Run, node: ast.Subscript) -> object:
    holder = value_of(run, node.value)
    if isinstance(node.slice, ast.Slice):
        return _slice(run, holder, node.slice)
    key = value_of(run, node.slice)
    if type(holder) is dict:
        if type(key) is str and key in holder:
            return holder[key]
        named = f" '{key}'" if isinstance(node.slice, ast.Constant) else " such key"
        raise ExprError(f"the record has no{named}")
    if type(holder) not in (list, tuple, str):
        raise ExprError(f"{kind(holder)} has no parts to take with [...]")
    if type(key) is not int:
        raise ExprError("a position in a list is a whole number")
    if not -len(holder) <= key < len(holder):
        raise ExprError("there is nothing at that position of the list")
    return holder[key]


def _slice(run: Run, holder: Any, node: ast.Slice) -> object:
    bounds = [None if part is None else value_of(run, part) for part in (node.lower, node.upper, node.step)]
    if type(holder) not in (list, tuple, str):
        raise ExprError(f"{kind(holder)} has no parts to take with [...]")
    if any(bound is not None and type(bound) is not int for bound in bounds) or bounds[2] == 0:
        raise ExprError("the bounds of a slice are whole numbers")
    part = slice(*bounds)
    length = len(range(*part.indices(len(holder))))
    if type(holder) is str:
        run.spend(1 + (length >> 3))
        return holder[part]
    bounded(length)
    return built(run, holder[part])


def _both(run: Run, node: ast.BoolOp) -> object:
    stop = isinstance(node.op, ast.Or)
    value: object = None
    for part in node.values:
        value = value_of(run, part)
        if bool(value) is stop:
            break
    return value


def _unary(run: Run, node: ast.UnaryOp) -> object:
    value = value_of(run, node.operand)
    if isinstance(node.op, ast.Not):
        return not value
    return negative(value) if isinstance(node.op, ast.USub) else positive(value)


def _binary(run: Run, node: ast.BinOp) -> object:
    return BINARY[type(node.op)](run, value_of(run, node.left), value_of(run, node.right))


def _compare(run: Run, node: ast.Compare) -> object:
    left = value_of(run, node.left)
    for sign, part in zip(node.ops, node.comparators, strict=True):
        right = value_of(run, part)
        if not COMPARE[type(sign)](run, left, right):
            return False
        left = right
    return True


def _choice(run: Run, node: ast.IfExp) -> object:
    return value_of(run, node.body if value_of(run, node.test) else node.orelse)


def _list(run: Run, node: ast.List) -> object:
    run.step(3)
    return built(run, [value_of(run, part) for part in node.elts])


def _tuple(run: Run, node: ast.Tuple) -> object:
    run.step(3)
    return built(run, tuple(value_of(run, part) for part in node.elts))


def _set(run: Run, node: ast.Set) -> object:
    run.step(3)
    parts = [value_of(run, part) for part in node.elts]
    run.spend(sum(weight(run, part) for part in parts))
    return built(run, set(parts))


def _dict(run: Run, node: ast.Dict) -> object:
    run.step(3)
    record: dict[str, object] = {}
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        key = value_of(run, cast("ast.expr", key_node))
        if type(key) is not str or key in KEYS_REFUSED:
            raise ExprError("the keys of a record are texts, and some are reserved")
        record[key] = value_of(run, value_node)
    return built(run, record)


def _items(run: Run, comprehension: ast.comprehension) -> list[Any]:
    group = value_of(run, comprehension.iter)
    if type(group) is set:
        run.spend(weight(run, group))
        return sorted(group)
    if type(group) not in (list, tuple, dict):
        raise ExprError(f"'for' goes through a list, and this is {kind(group)}")
    run.spend(len(group))
    return list(group)


def _bindings(target: ast.expr, item: object) -> dict[str, object]:
    if isinstance(target, ast.Name):
        return {target.id: item}
    names = [cast("ast.Name", each).id for each in cast("ast.Tuple", target).elts]
    if type(item) not in (list, tuple) or len(item) != len(names):  # type: ignore[arg-type]
        raise ExprError("'for' names another number of variables than each element has")
    return dict(zip(names, cast("list[object]", item), strict=True))


def _each(run: Run, node: ast.ListComp | ast.GeneratorExp) -> Iterator[object]:
    (comprehension,) = node.generators
    outer = run.local
    bindings = STEP_WORK * (len(outer) + len(list(ast.iter_child_nodes(comprehension.target))))
    for item in _items(run, comprehension):
        run.step()
        run.spend(bindings)
        run.local = {**outer, **_bindings(comprehension.target, item)}
        if all(value_of(run, test) for test in comprehension.ifs):
            yield value_of(run, node.elt)


def _comprehension(run: Run, node: ast.ListComp | ast.GeneratorExp) -> object:
    outer, made = run.local, []
    try:
        for value in _each(run, node):
            made.append(value)
            bounded(len(made))
    finally:
        run.local = outer
    return built(run, made)


def _found(run: Run, node: ast.GeneratorExp, sought: bool) -> bool:  # noqa: FBT001 - any() seeks True, all() False
    outer = run.local
    try:
        return any(bool(value) is sought for value in _each(run, node)) is sought
    finally:
        run.local = outer


def _call(run: Run, node: ast.Call) -> object:
    run.step(CALL_STEPS)
    if isinstance(node.func, ast.Attribute):
        holder = value_of(run, node.func.value)
        method = method_of(holder, node.func.attr)
        given = [value_of(run, part) for part in node.args]
        if not method.least <= len(given) <= method.most:
            raise ExprError(f".{node.func.attr}() is given the wrong number of values")
        return method.call(run, holder, *given)
    name = cast("ast.Name", node.func).id
    if name in ("any", "all") and isinstance(node.args[0], ast.GeneratorExp):
        return _found(run, node.args[0], name == "any")
    values = [value_of(run, part) for part in node.args]
    keywords = {cast("str", each.arg): value_of(run, each.value) for each in node.keywords}
    return FUNCTIONS[name].call(run, *values, **keywords)


def _joined(run: Run, node: ast.JoinedStr) -> object:
    parts: list[str] = []
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            run.step(CALL_STEPS)
            parts.append(formatted(run, value_of(run, part.value), format_of(part)))
        else:
            parts.append(cast("str", value_of(run, part)))
        written(run, sum(map(len, parts)))
    return "".join(parts)


_RULES: Mapping[type[ast.expr], Callable[[Run, Any], object]] = MappingProxyType(
    {
        ast.Name: _name,
        ast.Constant: _constant,
        ast.Attribute: _attribute,
        ast.Subscript: _subscript,
        ast.BoolOp: _both,
        ast.UnaryOp: _unary,
        ast.BinOp: _binary,
        ast.Compare: _compare,
        ast.IfExp: _choice,
        ast.List: _list,
        ast.Tuple: _tuple,
        ast.Set: _set,
        ast.Dict: _dict,
        ast.ListComp: _comprehension,
        ast.GeneratorExp: _comprehension,
        ast.Call: _call,
        ast.JoinedStr: _joined,
    }
)
