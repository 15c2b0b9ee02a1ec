"""Expressions and scripts of a diagram: a safe part of Python, read as a tree and worked out node by node.

Nothing here is ever run as Python: ``eval``, ``exec`` and ``compile`` are not used. Only listed constructs, functions
and kinds of value are allowed, and characters, nodes, depth, steps, sizes and work are bounded, so any text gives a
value or an ``ExprError`` within a few hundredths of a second. Errors name the construct, never a value and never a
name that does not stand in the text. The data is never changed.

The grammar: ``and or not``, comparisons (chained too), ``in``, ``is None``, ``+ - * / // %``, ``a if c else b``,
constants, names that begin with a plain letter, lists, tuples, sets and records, ``[position]`` and ``[from:to]``,
``.key`` of a record, ``.year .month .day .hour .minute .second .days .seconds`` of times, one ``for`` in ``[...]`` or
inside ``any all sum min max sorted join``, f-strings and ``{}``/``%s`` with named formats only; the functions of
``expressions_functions`` and the methods of ``expressions_methods``. The budgets of one evaluation: 2,000 characters,
400 parts, 40 deep; 12,000 steps and 200,000 units of work (about a tenth of a microsecond each); lists of 10,000, texts
of 20,000, whole numbers of 256 bits (64 when written out), values nested 40 deep. A script is 10,000 characters and 200
lines on one budget.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from service.core.expressions_functions import FUNCTIONS
from service.core.expressions_grammar import admit, parse, plain_name
from service.core.expressions_reading import CHARACTERS, measure_text, nesting, parse_python
from service.core.expressions_values import ExprError, ExprSyntax, Period, Run
from service.core.expressions_walk import value_of

__all__ = [
    "RESERVED",
    "ExprError",
    "ExprSyntax",
    "Line",
    "check",
    "check_script",
    "evaluate",
    "execute",
    "lines",
    "names",
]

RESERVED = frozenset(FUNCTIONS) | {
    "clocks", "departures", "departures_open", "opened_at", "local", "self", "typename", "dmninputexpr",
}  # fmt: skip
FIELDS_REFUSED = frozenset({"id", "self", "typename"})
SCRIPT_CHARACTERS = 10_000
SCRIPT_LINES = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One assignment of a script: the variable, or the item and its field, and the expression as written."""

    variable: str
    field: str | None
    expression: str
    tree: ast.expr

    @property
    def target(self) -> str:
        """``name`` or ``item.field``."""
        return self.variable if self.field is None else f"{self.variable}.{self.field}"


def check(text: str) -> None:
    """Refuse a text that is no expression (ExprSyntax) or holds something not allowed (ExprError)."""
    parse(text)


def check_script(text: str) -> None:
    """Refuse a script that is not a list of allowed assignments, one a line. The error names the line."""
    lines(text)


def names(text: str) -> frozenset[str]:
    """The names an expression reads, ``clocks`` of ``clocks.decision.due``; no functions, no variables of a ``for``."""
    return frozenset(_read(parse(text), frozenset()))


def _read(node: ast.AST, bound: frozenset[str]) -> Iterator[str]:
    if isinstance(node, ast.Name):
        if node.id not in bound:
            yield node.id
        return
    if isinstance(node, ast.ListComp | ast.GeneratorExp):
        yield from _read_loop(node, bound)
        return
    callee = node.func if isinstance(node, ast.Call) else None
    for child in ast.iter_child_nodes(node):
        if child is callee:
            yield from _read(child.value, bound) if isinstance(child, ast.Attribute) else ()
        else:
            yield from _read(child, bound)


def _read_loop(node: ast.ListComp | ast.GeneratorExp, bound: frozenset[str]) -> Iterator[str]:
    (loop,) = node.generators
    yield from _read(loop.iter, bound)
    inner = bound | {each.id for each in ast.walk(loop.target) if isinstance(each, ast.Name)}
    for part in (*loop.ifs, node.elt):
        yield from _read(part, inner)


def evaluate(text: str, names: Mapping[str, object], *, at: datetime | None = None) -> object:
    """The value of an expression over ``names``; ``now()`` is ``at``. ExprError if it is refused or has no value."""
    return evaluate_tree(parse(text), Run(names, at))


def evaluate_tree(tree: ast.expr, run: Run) -> object:
    """The value of an admitted tree in a run already begun, sharing its budgets. ExprError if it has none."""
    return _guarded(lambda: _whole(run, tree))


def _whole(run: Run, tree: ast.expr) -> object:
    value = value_of(run, tree)
    if type(value) is Period:
        raise ExprError("months and years are added to a date; they are no value by themselves")
    return value


def _guarded(work: Callable[[], object]) -> object:
    # The message of Python's own error may hold a value, so neither it nor the error itself is passed on.
    try:
        return work()
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError):
        reason = "a part of the expression was given a value it does not work on"
    except (RecursionError, MemoryError):
        reason = "the expression is too big to work out"
    raise ExprError(reason)


def execute(script: str, names: Mapping[str, object], *, at: datetime | None = None) -> dict[str, object]:
    """What a script assigns, by target (``name`` or ``item.field``); later lines see earlier assignments.

    ``names`` and everything in it stay as they were. ExprError, naming the line, if any line fails.
    """
    seen = dict(names)
    run = Run(seen, at)
    assigned: dict[str, object] = {}
    for number, line in enumerate(lines(script), 1):
        value = run_line(run, line, number)
        if line.field is None:
            seen[line.variable] = value
        else:
            holder = seen.get(line.variable)
            if type(holder) is not dict:
                raise ExprError(f"assignment {number}: '{line.variable}' is not a record with fields")
            seen[line.variable] = {**holder, line.field: value}
        assigned[line.target] = value
    return assigned


def run_line(run: Run, line: Line, number: int) -> object:
    """The value one assignment gives. ExprError begins with the number of the assignment."""
    reason = ""
    try:
        return evaluate_tree(line.tree, run)
    except ExprError as error:
        reason = str(error)
    raise ExprError(f"assignment {number} ({line.target}): {reason}")


def lines(script: str) -> tuple[Line, ...]:
    """The assignments of a script. A line may go on while a bracket is open; blank lines and # lines are skipped."""
    if type(script) is not str or len(script) > SCRIPT_CHARACTERS:
        raise ExprError(f"a script is a text of at most {SCRIPT_CHARACTERS:,} characters")
    if script.count("\n") >= SCRIPT_LINES:
        raise ExprError(f"a script has at most {SCRIPT_LINES} lines")
    return _lines(script)


@lru_cache(maxsize=32)
def _lines(script: str) -> tuple[Line, ...]:
    return tuple(_line(text, number) for number, text in _logical(script))


def _logical(script: str) -> Iterator[tuple[int, str]]:
    held, start, depth = "", 0, 0
    for number, physical in enumerate(script.split("\n"), 1):
        line = physical.strip()
        if line and not line.startswith("#"):
            start = start if held else number
            held = f"{held}\n{line}".strip()
            depth = nesting(line, depth)[1]
            if len(held) > CHARACTERS or not depth:
                yield start, held
                held, depth = "", 0
    if held:
        yield start, held


def _line(text: str, number: int) -> Line:
    reason = ""
    of: type[ExprError] = ExprError
    try:
        return _assignment(text)
    except ExprSyntax as error:
        reason, of = str(error), ExprSyntax
    except ExprError as error:
        reason = str(error)
    raise of(f"line {number}: {reason}")


def _assignment(text: str) -> Line:
    tree = parse_python(measure_text(text), "exec")
    body = tree.body if isinstance(tree, ast.Module) else []
    if len(body) != 1 or not isinstance(body[0], ast.Assign) or len(body[0].targets) != 1:
        raise ExprError("a script is made of lines like  name = expression")
    target, value = body[0].targets[0], body[0].value
    admit(value)
    expression = ast.get_source_segment(text, value) or ""
    if isinstance(target, ast.Name):
        return Line(_assignable(target.id), None, expression, value)
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
        if target.attr in FIELDS_REFUSED:
            raise ExprError(f"the field '{target.attr}' cannot be assigned to")
        return Line(_assignable(target.value.id), plain_name(target.attr), expression, value)
    raise ExprError("only a variable or a field of an item can be assigned to")


def _assignable(name: str) -> str:
    if plain_name(name) in RESERVED:
        raise ExprError(f"'{name}' is reserved and cannot be assigned to")
    return name
