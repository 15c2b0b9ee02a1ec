"""Whether what a cell is compared with can ever be what its column says the input is.

A column that says number, date or true/false is taken at its word. One that says text, or nothing, is not: editors
write “string” unasked, and the engine never looks; there a difference is only said aloud.
"""

import ast
from collections.abc import Iterator

from service.core.gate import formulas
from service.core.gate.cells import SUBJECT, Cell

DATES = {"date", "datetime", "time", "dateandtime"}
NUMBERS = {"integer", "long", "double", "number", "int", "float", "decimal"}
_COLUMN = {**dict.fromkeys(NUMBERS, "a number"), **dict.fromkeys(DATES, "a date"), "boolean": "true or false"}
_CONSTANT = {str: "a text", bool: "true or false", int: "a number", float: "a number"}


def mismatch(cell: Cell, kind: str, looks_at: str) -> tuple[str, str, bool] | None:
    """What is wrong with the kinds of a cell, how to mend it, and whether that is certain; ``None`` if nothing."""
    if cell.test is None:
        return None
    if _asks_again(cell, looks_at) and kind != "boolean":
        wrong = "the answer, true or false, is then compared with the input itself, and never equals it."
        return wrong, "Write only the comparison, as in  > 5 , or ? for the input", True
    column = _COLUMN.get(kind)
    for found in _compared(cell.test):
        if found not in {column, None} and (column or (kind == "string" and found != "a text")):
            wrong = f"it is {found}, and the input is {column or 'a text'}, so it never matches."
            return wrong, "Write a value of the input's type, or correct the type of the input", column is not None
    return None


def _asks_again(cell: Cell, looks_at: str) -> bool:
    """Whether the cell is a whole comparison of the input by its own name: ``n > 5`` in the column of ``n``."""
    value = _equal_to(cell.test)
    if not isinstance(value, ast.Compare | ast.BoolOp | ast.UnaryOp):
        return False
    own = ast.dump(ast.parse(looks_at.strip(), mode="eval").body) if formulas.problem(looks_at) is None else ""
    compares = any(isinstance(n, ast.Compare) for n in ast.walk(value))
    return compares and any(ast.dump(n) == own for n in ast.walk(value))


def _equal_to(tree: ast.expr | None) -> ast.expr | None:
    """The value of a cell that is one: what the input must equal."""
    if isinstance(tree, ast.Compare) and isinstance(tree.left, ast.Name) and tree.left.id == SUBJECT:
        return tree.comparators[0] if isinstance(tree.ops[0], ast.Eq) and len(tree.ops) == 1 else None
    return None


def _compared(tree: ast.expr) -> Iterator[str | None]:
    """The kinds of what the input is compared with, where they are plain."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            for sign, left, right in zip(node.ops, sides, sides[1:], strict=False):
                if _is_input(left):
                    several = isinstance(sign, ast.In | ast.NotIn) and isinstance(right, ast.Tuple | ast.List | ast.Set)
                    yield from (_kind(each) for each in (right.elts if several else [right]))  # type: ignore[attr-defined]
                elif _is_input(right) and not isinstance(sign, ast.In | ast.NotIn):
                    yield _kind(left)


def _is_input(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == SUBJECT


def _kind(node: ast.expr) -> str | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    if isinstance(node, ast.Compare):
        return "true or false"
    return _CONSTANT.get(type(node.value)) if isinstance(node, ast.Constant) else None
