"""From text to tree: an expression or a script is measured before Python's own parser sees it.

Promises: a text that is too long or nested too deeply never reaches the parser; the parser prints no warning; and no
name is read that is not the name people see.
"""

import ast
import re
import warnings
from unicodedata import normalize

from service.core.expressions_values import ExprError, ExprSyntax

CHARACTERS = 2_000
DEPTH = 40
PLAIN_NAME = "a name starts with a plain letter and holds plain letters, digits and '_' only"
_OPEN, _CLOSE, _QUOTES = "([{", ")]}", "'\""
_DOUBTFUL = re.compile(r"\\[^\\'\"\nabfnrtv0-3xNuU]|(?<!\w)\d[\d_]*+\.?\w*?(?:and|else|for|if|in|is|not|or)")
_STRING = re.compile(r"([fFrRbBuU]{0,2})(\'\'\'|\"\"\"|'|\")(?:\\.|(?!\2).)*?\2", re.DOTALL)


def measure_text(text: object) -> str:
    """The text without surrounding blanks, if it is short and shallow enough to be parsed. ExprError otherwise."""
    if type(text) is not str:
        raise ExprError("an expression is a text")
    if len(text) > CHARACTERS:
        raise ExprError(f"an expression has at most {CHARACTERS:,} characters")
    if nesting(text)[0] > DEPTH:
        raise ExprError(f"brackets are nested more than {DEPTH} deep")
    return text.strip()


def nesting(text: str, depth: int = 0) -> tuple[int, int]:
    """How deep brackets go outside quotes, and how many are open at the end, if ``depth`` were open before."""
    deepest, position = depth, 0
    quote = ""
    while position < len(text):
        mark = text[position]
        if quote:
            closes = text.startswith(quote, position)
            position += len(quote) - 1 if closes else mark == "\\"
            quote = "" if closes else quote
        elif mark in _QUOTES:
            quote = mark * 3 if text.startswith(mark * 3, position) else mark
            position += len(quote) - 1
        elif mark == "#":
            position = text.find("\n", position) % (len(text) + 1)
        elif mark in _OPEN:
            depth += 1
            deepest = max(deepest, depth)
        elif mark in _CLOSE:
            depth = max(0, depth - 1)
        position += 1
    return deepest, depth


def parse_python(text: str, mode: str) -> ast.AST:
    """The text as Python reads it. ExprSyntax if Python cannot, or would have to warn of something in it."""
    _refuse_disguises(text)
    reason = "this is too deep to read"
    try:
        return _read_doubtful(text, mode) if _DOUBTFUL.search(text) else ast.parse(text, mode=mode)
    except SyntaxError as error:
        reason = f"this is not an expression: {error.msg}"
    except (ValueError, RecursionError, MemoryError, OverflowError):
        pass
    raise ExprSyntax(reason)


def _refuse_disguises(text: str) -> None:
    # Python reads a full-width or ligature letter in a name as the plain ones: what people see, and what looks for a
    # name in the text, must not be told another name than Python.
    if text.isascii():
        return
    code = _STRING.sub(lambda found: found[0] if "f" in found[1].lower() else "", text)
    if any(not mark.isascii() and f"a{mark}".isidentifier() and normalize("NFKC", mark).isascii() for mark in code):
        raise ExprError(PLAIN_NAME)


def _read_doubtful(text: str, mode: str) -> ast.AST:
    # Python prints its warnings, which would let a diagram write into the log. They are only silenced where one may
    # come, because silencing is not safe when several threads do it at once.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return ast.parse(text, mode=mode)
