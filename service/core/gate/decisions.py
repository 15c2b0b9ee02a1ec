"""Decision tables: whether the engine can read each one, and whether it decides what it seems to decide."""

from collections.abc import Iterator

from lxml import etree

from service.core.gate import cells, coverage, decision_files, formulas
from service.core.gate.exhaustive import Unproved
from service.core.gate.finding import Finding, error, warning
from service.core.gate.kinds import mismatch
from service.core.gate.model import Bundle

POLICIES = {"UNIQUE", "FIRST", "ANY", "COLLECT"}


def findings(bundle: Bundle, initialised: frozenset[str]) -> Iterator[Finding]:
    """Yield what is wrong with decision tables. ``initialised``: variables that are set whatever a table says."""
    seen: dict[str, str] = {}
    for document in bundle.tables:
        decisions = list(document.root.iterchildren("{*}decision"))
        yield from decision_files.findings(bundle, document)
        for decision in decisions[:1]:
            own = decision.get("id", "")
            if seen.setdefault(own, document.path) != document.path:
                message = f"The decision “{own}” is also in {seen[own]}."
                yield error(document.path, decision, "duplicate-decision", message, "Give one of them another id.")
            for table in list(decision.iterchildren("{*}decisionTable"))[:1]:
                yield from _table(document.path, table, initialised)


def outputs_of(bundle: Bundle) -> Iterator[str]:
    """The names all tables set."""
    for document in bundle.tables:
        for output in document.root.iter("{*}output"):
            yield output.get("name") or output.get("label") or ""


def _table(path: str, table: etree._Element, initialised: frozenset[str]) -> Iterator[Finding]:
    policy = table.get("hitPolicy", "UNIQUE").upper()
    if policy not in POLICIES or table.get("aggregation"):
        way = f"{policy} {table.get('aggregation', '')}".strip()
        message = f"The table decides by “{way}”, which is not done as the standard says."
        yield error(path, table, "hit-policy", message, "Choose FIRST or UNIQUE.")
    inputs, outputs = list(table.iterchildren("{*}input")), list(table.iterchildren("{*}output"))
    for column in inputs:
        yield from _input(path, column)
    yield from _outputs(path, table, outputs)
    rules = list(table.iterchildren("{*}rule"))
    if not rules:
        yield error(path, table, "no-rules", "The table has no rules.", "Write at least one rule.")
    read: list[list[cells.Cell]] = []
    whole = True
    for number, rule in enumerate(rules, 1):
        row = _row(rule, "inputEntry")
        if len(row) != len(inputs) or len(_row(rule, "outputEntry")) != len(outputs):
            whole = False
            message = f"Rule {number} does not have one cell for each column."
            yield error(path, rule, "cells-missing", message, "Open the table in an editor and complete the rule.")
            continue
        read.append([cells.read(_text(e), expression_of(c)) for e, c in zip(row, inputs, strict=True)])
        yield from _cells(path, number, row, read[-1], inputs)
        yield from _output_cells(path, number, _row(rule, "outputEntry"))
    if whole and rules:
        yield from _decides(path, table, inputs, rules, read, initialised)


def _row(rule: etree._Element, kind: str) -> list[etree._Element]:
    return list(rule.iterchildren(f"{{*}}{kind}"))


def _text(entry: etree._Element) -> str:
    return (entry.findtext("{*}text") or "").strip()


def expression_of(column: etree._Element) -> str:
    """The expression of an input column."""
    return (column.findtext("{*}inputExpression/{*}text") or "").strip()


def type_of(column: etree._Element) -> str:
    """The type an input column declares, in small letters, or nothing."""
    found = column.find("{*}inputExpression")
    return "" if found is None else (found.get("typeRef") or "").rsplit(":", 1)[-1].lower()


def _input(path: str, column: etree._Element) -> Iterator[Finding]:
    text = expression_of(column)
    label = column.get("label") or column.get("id") or ""
    wrong = formulas.problem(text) if text else "it is empty."
    if wrong:
        message = f"The input “{label}” cannot be worked out: {wrong}"
        yield error(path, column, "input-expression", message, "Write the name of the value to look at.")


def _outputs(path: str, table: etree._Element, outputs: list[etree._Element]) -> Iterator[Finding]:
    if not outputs:
        yield error(path, table, "no-output", "The table gives no output.", "Add an output with a name.")
    seen: set[str] = set()
    for column in outputs:
        name = column.get("name") or column.get("label") or ""
        wrong = "it has none." if not name else formulas.name_problem(name)
        if name in seen:
            wrong = "another output has it too."
        seen.add(name)
        if wrong:
            message = f"The output “{column.get('label') or name}” cannot have the name “{name}”: {wrong}"
            yield error(path, column, "output-name", message, "Use letters, figures and underscores, such as  outcome.")


def _cells(
    path: str, number: int, row: list[etree._Element], read: list[cells.Cell], inputs: list[etree._Element]
) -> Iterator[Finding]:
    for entry, cell, column in zip(row, read, inputs, strict=True):
        found = (cell.wrong, cell.mend, True) if cell.wrong else _unfit(cell, column)
        if found:
            wrong, mend, certain = found
            tell = error if certain else warning
            message = f"Rule {number}: the cell  {cell.text}  does not do what it seems to: {wrong}"
            yield tell(path, entry, "cell", message, mend.rstrip(".") + ".")


def _unfit(cell: cells.Cell, column: etree._Element) -> tuple[str, str, bool] | None:
    allowed = coverage.allowed(column)
    beyond = [v for v in _constants(cell) if isinstance(v, str) and v not in allowed] if allowed else []
    if beyond:
        wrong = f"“{beyond[0]}” is not among the values the input is declared to take."
        return wrong, "Correct the value, or add it to the values of the input", True
    return mismatch(cell, type_of(column), expression_of(column))


def _constants(cell: cells.Cell) -> list[object]:
    try:
        return sorted(cells.constants(cell), key=str)
    except Unproved:
        return []


def _output_cells(path: str, number: int, row: list[etree._Element]) -> Iterator[Finding]:
    for entry in row:
        text = _text(entry)
        if not text:
            message = f"Rule {number} leaves an output empty; it then becomes an empty text."
            yield warning(path, entry, "output-empty", message, "Write the value, or None.")
            continue
        wrong = "it is no value here." if text in {"true", "false", "null", "-"} else formulas.problem(text)
        if wrong:
            message = f"Rule {number}: the output  {text}  cannot be worked out: {wrong}"
            mend = formulas.hint(text) or "Write a text in quotes, a number, True, False or None."
            yield error(path, entry, "output-cell", message, mend)


def _decides(
    path: str, table: etree._Element, inputs: list[etree._Element], rules: list[etree._Element],
    read: list[list[cells.Cell]], initialised: frozenset[str],
) -> Iterator[Finding]:  # fmt: skip
    columns = coverage.columns(inputs, read)
    met = coverage.grid(columns, read)
    policy = table.get("hitPolicy", "UNIQUE").upper()
    for number in coverage.never(met):
        message = f"Rule {number + 1} can never match: no value meets its cells."
        yield error(path, rules[number], "rule-never-matches", message, "Correct the cells of the rule.")
    yield from _together(path, policy, rules, list(coverage.overlaps(columns, read, met)))
    first_any = next((i for i, row in enumerate(read) if all(c.any for c in row)), None)
    readable = not any(c.wrong for row in read for c in row)
    if first_any is None and readable and not coverage.complete(columns, read, met):
        yield _no_catch_all(path, table, initialised)
    elif first_any is not None and first_any + 1 < len(read) and policy == "FIRST":
        message = f"Rule {first_any + 1} matches everything, so the rules after it are never looked at."
        yield warning(path, rules[first_any], "rules-after-catch-all", message, "Move it to the end.")
    elif policy == "FIRST":
        for one, two in coverage.covered(columns, read, met):
            message = f"Rule {two + 1} is never reached: rule {one + 1} before it matches whenever it would."
            yield warning(path, rules[two], "rule-covered", message, "Move the narrower rule before the wider one.")


def _together(
    path: str, policy: str, rules: list[etree._Element], overlaps: list[tuple[int, int]]
) -> Iterator[Finding]:
    """Rules that match together where the table says that only one may, or that they must agree."""
    for one, two in overlaps:
        if policy == "UNIQUE":
            message = f"Rules {one + 1} and {two + 1} can both match, and the table says only one may (UNIQUE)."
            mend = "Make them exclude each other, or choose the hit policy FIRST."
            yield error(path, rules[two], "rules-overlap", message, mend)
        elif policy == "ANY" and _outcome(rules[one]) != _outcome(rules[two]):
            message = f"Rules {one + 1} and {two + 1} can both match with different outputs, and the table says that"
            message += " any rule that matches gives the same (ANY)."
            mend = "Give them the same outputs, make them exclude each other, or choose the hit policy FIRST."
            yield error(path, rules[two], "rules-differ", message, mend)


def _outcome(rule: etree._Element) -> list[str]:
    return [_text(entry) for entry in _row(rule, "outputEntry")]


def _no_catch_all(path: str, table: etree._Element, initialised: frozenset[str]) -> Finding:
    names = [o.get("name") or o.get("label") or "" for o in table.iterchildren("{*}output")]
    message = "It can happen that no rule of this table matches; its outputs then stay unset."
    mend = "Add a last rule with empty cells that says what holds otherwise."
    kept = all(n in initialised for n in names) or table.get("hitPolicy", "").upper() == "COLLECT"
    tell = warning if kept else error
    return tell(path, table, "no-catch-all", message, mend)
