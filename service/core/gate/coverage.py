"""What the rules of a decision table cover together: overlaps, rules that never match, and whether one always does.

Decided only where it can be proved on literals and ranges; otherwise nothing is claimed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from lxml import etree

from service.core.gate import cells, formulas
from service.core.gate.cells import Cell
from service.core.gate.exhaustive import MAX_POINTS, Unproved, samples

MOST_RULES = 200
MOST_TRIES = 60_000
WHOLE = {"integer", "long", "int"}


@dataclass(frozen=True, slots=True)
class Column:
    """The cells of one input (all columns that look at the same value): positions, and the values worth trying.

    ``values`` is ``None`` where nothing can be proved.
    """

    positions: tuple[int, ...]
    values: tuple[object, ...] | None

    def of(self, row: Sequence[Cell]) -> list[Cell]:
        """The cells of this column in a rule."""
        return [row[p] for p in self.positions]


def columns(inputs: Sequence[etree._Element], rules: Sequence[Sequence[Cell]]) -> list[Column]:
    """Group the inputs by what they look at, with the values that could tell the rules apart."""
    groups: dict[str, list[int]] = {}
    for position, column in enumerate(inputs):
        groups.setdefault((column.findtext("{*}inputExpression/{*}text") or "").strip(), []).append(position)
    return [_column(tuple(p), [inputs[i] for i in p], rules) for p in groups.values()]


def _column(positions: tuple[int, ...], inputs: list[etree._Element], rules: Sequence[Sequence[Cell]]) -> Column:
    try:
        found = {c for row in rules for p in positions for c in cells.constants(row[p])}
        kinds = {_type(i) for i in inputs}
        declared = allowed(inputs[0])
        if declared and not found <= set(declared):
            declared = None
        values = declared or (samples(found) if found else [cells.OTHER])
        if kinds & WHOLE and all(isinstance(v, int | float) and float(v).is_integer() for v in found):
            values = [*sorted({n for v in found for n in _neighbours(v)})] or values
        return Column(positions, tuple(values) if len(values) * len(rules) <= MOST_TRIES else None)
    except (Unproved, TypeError, ValueError):
        return Column(positions, None)


def _neighbours(value: object) -> list[float]:
    number = float(str(value))
    return [number - 1, number, number + 1]


def _type(column: etree._Element) -> str:
    found = column.find("{*}inputExpression")
    return "" if found is None else (found.get("typeRef") or "").rsplit(":", 1)[-1].lower()


def allowed(column: etree._Element) -> list[object] | None:
    """The values an input is declared to take, where they are plain literals."""
    text = (column.findtext("{*}inputValues/{*}text") or "").strip()
    value = formulas.constant(f"({text},)") if text else None
    return list(value) if isinstance(value, tuple) and value else None


Met = frozenset[int] | None


def grid(found: Sequence[Column], rules: Sequence[Sequence[Cell]]) -> list[list[Met]]:
    """For each rule and column which of the tried values meet it (by number), ``None`` where that cannot be told."""
    return [[_met(column, row) for column in found] for row in rules]


def _met(column: Column, row: Sequence[Cell]) -> Met:
    own = column.of(row)
    if column.values is None or any(c.wrong for c in own):
        return None
    if all(c.any for c in own):
        return frozenset(range(len(column.values)))
    try:
        return frozenset(i for i, value in enumerate(column.values) if cells.met(own, value))
    except Unproved:
        return None


def never(met: Sequence[Sequence[Met]]) -> Iterator[int]:
    """The rules that provably match nothing."""
    return (number for number, row in enumerate(met) if any(own == frozenset() for own in row))


def overlaps(
    found: Sequence[Column], rules: Sequence[Sequence[Cell]], met: Sequence[Sequence[Met]]
) -> Iterator[tuple[int, int]]:
    """The pairs of rules that provably can match together; a last rule that matches everything is left aside."""
    last = len(rules) - 1
    if len(rules) > MOST_RULES:
        return
    for one, two in combinations(range(len(rules)), 2):
        if two == last and all(c.any for c in rules[two]) and not all(c.any for c in rules[one]):
            continue
        if all(_share(c, (rules[one], rules[two]), (met[one][i], met[two][i])) for i, c in enumerate(found)):
            yield one, two


def covered(
    found: Sequence[Column], rules: Sequence[Sequence[Cell]], met: Sequence[Sequence[Met]]
) -> Iterator[tuple[int, int]]:
    """The rules that are provably met only where an earlier one is met too: the earlier and the later, once each."""
    for two in range(min(len(rules), MOST_RULES)):
        for one in range(two):
            if all(_within(c, (rules[one], rules[two]), (met[one][i], met[two][i])) for i, c in enumerate(found)):
                yield one, two
                break


def _within(column: Column, rows: tuple[Sequence[Cell], Sequence[Cell]], met: tuple[Met, Met]) -> bool:
    wide, narrow = column.of(rows[0]), column.of(rows[1])
    if all(c.any for c in wide) or [c.text for c in wide] == [c.text for c in narrow]:
        return True
    return met[0] is not None and met[1] is not None and met[1] <= met[0]


def _share(column: Column, rows: tuple[Sequence[Cell], Sequence[Cell]], met: tuple[Met, Met]) -> bool:
    if met[0] is None or met[1] is None:
        return [c.text for c in column.of(rows[0])] == [c.text for c in column.of(rows[1])]
    return bool(met[0] & met[1])


def complete(found: Sequence[Column], rules: Sequence[Sequence[Cell]], met: Sequence[Sequence[Met]]) -> bool:
    """Whether some rule matches whatever the inputs are, as far as can be proved."""
    choices = [range(len(c.values) if c.values is not None else 1) for c in found]
    count = 1
    for choice in choices:
        count *= len(choice)
    if count * max(len(rules), 1) > MAX_POINTS * 20:
        return False
    sure = [[_surely(c, rules[r], met[r][i]) for i, c in enumerate(found)] for r in range(len(rules))]
    return all(
        any(all(i in own for i, own in zip(point, row, strict=True)) for row in sure) for point in product(*choices)
    )


def _surely(column: Column, row: Sequence[Cell], met: Met) -> frozenset[int]:
    """The numbers of the tried values that surely meet a rule; the one number 0 where nothing was tried."""
    if column.values is None:
        return frozenset([0]) if all(c.any for c in column.of(row)) else frozenset()
    return met or frozenset()
