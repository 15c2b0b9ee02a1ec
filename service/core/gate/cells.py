"""One input cell of a decision table: what it means to the engine, and whether it can ever be met.

A cell is Python, not FEEL: a value (equal to it), a comparison (``> 5``), or a test with ``?`` for the input.
"""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from service.core.gate import formulas
from service.core.gate.exhaustive import OTHER, Unproved, truth

SUBJECT = "the_input"
KEY = ast.dump(ast.Name(SUBJECT, ast.Load()))
MOST_MARKS = 20
LONGEST = 2_000
_ENGINE_MARK = re.compile(r"(\?)(?=(?:[^'\"]|['\"][^'\"]*['\"])*$)")
"""What the engine takes for the input: copied from it, odd counting of quotation marks included."""
OPERATORS = ("<", ">", "=", "!")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as read: ``test`` is a condition on the input (``None``: any value), ``wrong`` why it cannot be read."""

    text: str
    test: ast.expr | None = None
    wrong: str | None = None
    mend: str = ""

    @property
    def any(self) -> bool:
        """Whether every value meets it."""
        return self.test is None and self.wrong is None


def read(text: str | None, looks_at: str = "") -> Cell:
    """Read a cell as the engine will, in a column whose input is the expression ``looks_at``."""
    bare = (text or "").strip()
    if bare in {"", "-"}:
        return Cell(bare)
    marked, marks = _marked(bare[: LONGEST + 1])
    if len(bare) > LONGEST or marks > MOST_MARKS:
        return Cell(bare[:40], wrong="it is far too long.", mend="Write a shorter test.")
    foreign = _feel(bare, marks) or _misread(bare, marked)
    if foreign is not None:
        return foreign
    if marks:
        wrong = formulas.problem(marked)
        mend = formulas.hint(bare) or 'Write a test such as  ? in ("a", "b")'
        return Cell(bare, wrong=wrong, mend=mend) if wrong else _test(bare, marked)
    wrong = formulas.problem(bare)
    if wrong is None:
        return _value(bare)
    if formulas.is_expression(bare):
        return Cell(bare, wrong=wrong, mend=formulas.hint(bare) or "Write a value, or a test with ? for the input")
    return _comparison(bare, looks_at)


def _misread(text: str, marked: str) -> Cell | None:
    """A cell whose ``?`` the engine does not find, because it counts both kinds of quotation marks as one."""
    if "?" not in text or _ENGINE_MARK.sub(SUBJECT, text) == marked:
        return None
    wrong = "the engine takes the apostrophe in a text for its end, and does not see the ? rightly."
    return Cell(text, wrong=wrong, mend='Write the test without ?, as in  == "it\'s"')


def _marked(text: str) -> tuple[str, int]:
    """The text with each ``?`` outside quotes replaced by a name, and how many there were."""
    parts: list[str] = []
    quote, marks = "", 0
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter == "?":
            marks += 1
            parts.append(SUBJECT)
            continue
        parts.append(letter)
    return "".join(parts), marks


def _feel(text: str, marks: int) -> Cell | None:
    """The forms of FEEL that Python reads otherwise or not at all."""
    if text.startswith(("not(", "not (")) and text.endswith(")"):
        inside = text[text.index("(") + 1 : -1]
        mend = f"Write  ? not in ({inside},)  or  != value"
        return Cell(text, wrong="not( ) never matches anything here.", mend=mend)
    if ".." in _outside_quotes(text):
        return Cell(text, wrong="a range with .. is not read here.", mend="Write  1 <= ? <= 5")
    if not marks and re.split(r"[\s\[(]", text, maxsplit=1)[0] in {"in", "is", "not", "and", "or", "between"}:
        return Cell(text, wrong="it begins with a word, which the engine joins to the input's name.",
                    mend=f"Write  ? {text}")  # fmt: skip
    if text in {"true", "false", "null"}:
        return Cell(text, wrong="it is no value here.", mend="Write True, False or None")
    return None


def _outside_quotes(text: str) -> str:
    return re.sub(r"\"[^\"]*\"|'[^']*'", "", text)


def _test(text: str, marked: str) -> Cell:
    tree = ast.parse(marked, mode="eval").body
    wrong = _no_condition(tree)
    return Cell(text, wrong=wrong, mend='Write a test such as  ? in ("a", "b")') if wrong else Cell(text, test=tree)


def _no_condition(tree: ast.expr) -> str | None:
    """Why a test is not true or false of the input."""
    if isinstance(tree, ast.BoolOp):
        return next((wrong for part in tree.values if (wrong := _no_condition(part))), None)
    if isinstance(tree, ast.IfExp):
        return _no_condition(tree.body) or _no_condition(tree.orelse)
    if isinstance(tree, ast.UnaryOp):
        return _no_condition(tree.operand)
    if isinstance(tree, ast.Compare | ast.Name | ast.Attribute | ast.Call | ast.Subscript):
        return None
    return "a part of it compares nothing, and would always count as met."


def _value(text: str) -> Cell:
    tree = ast.parse(text, mode="eval").body
    if isinstance(tree, ast.Tuple | ast.List | ast.Set | ast.Dict):
        inside = text.strip("()[]{}")
        return Cell(text, wrong="a list never equals a single value, so it never matches.",
                    mend=f"Write  ? in ({inside})")  # fmt: skip
    if isinstance(tree, ast.BoolOp) and not any(isinstance(n, ast.Compare) for n in ast.walk(tree)):
        return Cell(text, wrong="with and/or between values only one of them is looked at.",
                    mend='Write  ? in ("a", "b")')  # fmt: skip
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not):
        return Cell(text, wrong="it is True or False, and never equal to the input.", mend="Write  != value")
    subject = ast.Name(SUBJECT, ast.Load())
    return Cell(text, test=ast.Compare(left=subject, ops=[ast.Eq()], comparators=[tree]))


def _comparison(text: str, looks_at: str) -> Cell:
    """A cell the engine writes behind the input: ``> 5``, ``> 5 and other < 3``, ``.startswith("a")``."""
    mend = formulas.hint(text) or "Write a value in quotes, a comparison such as  > 5, or a test such as  1 <= ? <= 5"
    wrong = formulas.problem(f"{SUBJECT} {text}")
    if wrong or not text.startswith((*OPERATORS, ".")):
        return Cell(text, wrong=wrong or "it is neither a value nor a comparison.", mend=mend)
    if _loose(looks_at, whole=text.startswith(".")):
        wrong = f"it is written behind the input without brackets, as in  {looks_at} {text}"
        return Cell(text, wrong=wrong, mend=f"Write  ? {text}")
    tree = ast.parse(f"{SUBJECT} {text}", mode="eval").body
    wrong = _no_condition(tree)
    return Cell(text, wrong=wrong, mend=mend) if wrong else Cell(text, test=tree)


def _loose(looks_at: str, *, whole: bool) -> bool:
    """Whether an input falls apart when something is written behind it."""
    try:
        tree = ast.parse(looks_at.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False  # told at the input itself
    if whole:
        return isinstance(tree, ast.BinOp | ast.UnaryOp | ast.BoolOp | ast.Compare | ast.IfExp)
    negated = isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not)
    bracketed = looks_at.strip().startswith("(") and looks_at.strip().endswith(")")
    return (negated or isinstance(tree, ast.BoolOp | ast.Compare | ast.IfExp)) and not bracketed


def constants(cell: Cell) -> set[object]:
    """The constants the input is compared with. Raises ``Unproved`` for anything but comparisons with constants."""
    found: set[object] = {True, False} if cell.test is not None and _as_truth(cell.test) else set()
    for node in ast.walk(cell.test) if cell.test is not None else ():
        if isinstance(node, ast.Name) and node.id != SUBJECT:
            raise Unproved
        if isinstance(node, ast.Call | ast.Attribute | ast.BinOp | ast.Subscript | ast.IfExp | ast.JoinedStr):
            raise Unproved
        if isinstance(node, ast.Constant):
            found.add(-node.value if _negated(cell.test, node) and isinstance(node.value, int | float) else node.value)
    return found


def _as_truth(tree: ast.expr) -> bool:
    """Whether the input itself is taken as true or false."""
    if isinstance(tree, ast.BoolOp):
        return any(_as_truth(part) for part in tree.values)
    if isinstance(tree, ast.UnaryOp):
        return _as_truth(tree.operand)
    return isinstance(tree, ast.Name) and tree.id == SUBJECT


def _negated(tree: ast.expr | None, constant: ast.Constant) -> bool:
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and node.operand is constant:
            return True
    return False


def met(cells: Sequence[Cell], value: object) -> bool:
    """Whether ``value`` meets all ``cells``. Raises ``Unproved``."""
    try:
        return all(c.any or (c.test is not None and truth(c.test, {KEY: value})) for c in cells)
    except (TypeError, KeyError) as wrong:
        raise Unproved from wrong


__all__ = ["KEY", "OTHER", "Cell", "constants", "met", "read"]
