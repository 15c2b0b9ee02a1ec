"""Whether a set of conditions always has a true one: proved by trying the points where an answer can change.

Says yes only when sure: a comparison of one thing with constants, or of two things with each other, combined by
``and``, ``or`` and ``not``. Anything else counts as not proved.
"""

import ast
import operator
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import pairwise, product
from typing import Any

MAX_POINTS = 5_000
OTHER = "\x00another text"
OPERATORS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
}  # fmt: skip

_SYMMETRIC = {ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE}
_FLIPPED = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE}


class Unproved(Exception):
    """A question that cannot be decided from the text alone."""


def always_one(conditions: Iterable[str]) -> bool:
    """Whether at least one of ``conditions`` is true whatever the values are, as far as can be proved."""
    try:
        trees = [ast.parse(c.strip(), mode="eval").body for c in conditions]
        constants: dict[str, set[object]] = {}
        for tree in trees:
            _collect(tree, constants)
        return all(any(truth(t, point) for t in trees) for point in points(constants))
    except (Unproved, SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        return False


def never(condition: str) -> bool:
    """Whether a condition is false whatever the values are, as far as can be proved."""
    try:
        tree = ast.parse(condition.strip(), mode="eval").body
        constants: dict[str, set[object]] = {}
        _collect(tree, constants)
        return not any(truth(tree, point) for point in points(constants))
    except (Unproved, SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        return False


def points(constants: Mapping[str, set[object]]) -> Iterable[dict[str, object]]:
    """Every combination of the values that matter. Raises ``Unproved`` when there are too many."""
    choices = {subject: samples(found) for subject, found in constants.items()}
    count = 1
    for values in choices.values():
        count *= len(values)
    if count > MAX_POINTS:
        raise Unproved
    return (dict(zip(choices, chosen, strict=True)) for chosen in product(*choices.values()))


def samples(constants: set[object]) -> list[object]:
    """Values of one thing: each constant it is compared with, and one between, below and above them.

    Raises ``Unproved`` for a mixture whose order means nothing.
    """
    told = {c for c in constants if c is not None}
    none = [None] if None in constants else []
    if all(isinstance(c, bool) for c in told):
        return [True, False, *none]
    if any(isinstance(c, bool) for c in told):
        raise Unproved
    if all(isinstance(c, str) for c in told):
        return [*sorted(str(c) for c in told), OTHER, *none]
    if all(isinstance(c, int | float) for c in told):
        return [*_numbers([float(str(c)) for c in told]), *none]
    raise Unproved


def _numbers(constants: list[float]) -> list[float]:
    marks = sorted(set(constants))
    between = [(a + b) / 2 for a, b in pairwise(marks)]
    return [marks[0] - 1, *marks, *between, marks[-1] + 1]


def truth(tree: ast.expr, point: Mapping[str, object]) -> bool:
    """The truth of a condition at one point. Raises ``Unproved``."""
    if isinstance(tree, ast.BoolOp):
        whole = all if isinstance(tree.op, ast.And) else any
        return whole(truth(v, point) for v in tree.values)
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not):
        return not truth(tree.operand, point)
    if isinstance(tree, ast.Compare):
        pairs = zip([tree.left, *tree.comparators], tree.ops, tree.comparators, strict=False)
        return all(_compare(left, op, right, point) for left, op, right in pairs)
    return bool(_value(tree, point))


def _compare(left: ast.expr, op: ast.cmpop, right: ast.expr, point: Mapping[str, object]) -> bool:
    if _fixed(left) or _fixed(right):
        return bool(OPERATORS[type(op)](_value(left, point), _value(right, point)))
    key, flipped = _pair(left, right)
    kind = _FLIPPED.get(type(op), type(op)) if flipped else type(op)
    if type(op) not in _SYMMETRIC:
        raise Unproved
    return bool(OPERATORS[kind](point[key], 0))


def _value(tree: ast.expr, point: Mapping[str, object]) -> object:
    fixed, value = _literal(tree)
    if fixed:
        return value
    if _key(tree) not in point:
        raise Unproved
    return point[_key(tree)]


def _fixed(tree: ast.expr) -> bool:
    return _literal(tree)[0]


@lru_cache(maxsize=2_048)
def _literal(tree: ast.expr) -> tuple[bool, object]:
    """Whether a part is a literal, and its value. Kept per part: it is asked again for every point."""
    try:
        return True, ast.literal_eval(tree)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False, None


@lru_cache(maxsize=2_048)
def _key(tree: ast.expr) -> str:
    return ast.dump(tree)


def _pair(left: ast.expr, right: ast.expr) -> tuple[str, bool]:
    one, two = ast.dump(left), ast.dump(right)
    return (f"{one} against {two}", False) if one <= two else (f"{two} against {one}", True)


def _collect(tree: ast.expr, constants: dict[str, set[object]]) -> None:
    if isinstance(tree, ast.BoolOp):
        for value in tree.values:
            _collect(value, constants)
    elif isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not):
        _collect(tree.operand, constants)
    elif isinstance(tree, ast.Compare):
        for left, right in zip([tree.left, *tree.comparators], tree.comparators, strict=False):
            _collect_pair(left, right, constants)
    elif not _fixed(tree):
        constants.setdefault(ast.dump(tree), set()).update((True, False))


def _collect_pair(left: ast.expr, right: ast.expr, constants: dict[str, set[object]]) -> None:
    if _fixed(left) and _fixed(right):
        return
    if _fixed(left) or _fixed(right):
        subject, constant = (right, left) if _fixed(left) else (left, right)
        value = ast.literal_eval(constant)
        several = isinstance(value, tuple | list | set)
        constants.setdefault(ast.dump(subject), set()).update(value if several else [value])
    else:
        constants.setdefault(_pair(left, right)[0], set()).update((-1, 0, 1))
