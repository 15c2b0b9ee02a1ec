"""When a question is left out: the small part of FEEL that ``conditional.hide`` may use.

Read: ``=`` ``!=`` ``<`` ``>`` ``<=`` ``>=`` ``and`` ``or`` ``not(...)`` ``list contains(list, item)``, brackets, texts
in double quotes, numbers, ``true`` ``false`` ``null``, the keys of questions and local rules (``local.<id>``). Anything
else raises ``ValueError`` with the reason in plain words. Deciding never raises: a comparison with an unanswered
question is neither true nor false, and a condition that is not plainly true does not hold.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Node: TypeAlias = tuple[Any, ...]
Token: TypeAlias = tuple[str, str]
Read: TypeAlias = tuple[Node, int]

LONGEST = 1_000
DEEPEST = 20
COMPARISONS = ("=", "!=", "<", ">", "<=", ">=")
LITERALS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
UNREAD = frozenset(
    ("if", "then", "else", "in", "between", "some", "every", "satisfies", "for", "return", "function", "instance", "of")
)
END: Token = ("end", "the end")

TOKEN = re.compile(
    r"\s*(?:(?P<mark><=|>=|!=|=|<|>|\(|\)|,)"
    r'|(?P<text>"(?:[^"\\]|\\.)*")'
    r"|(?P<number>-?[0-9]+(?:\.[0-9]+)?(?![\w.]))"
    r"|(?P<call>list\s+contains\b)"
    r"|(?P<word>local\.[a-z][a-z0-9_]*|[A-Za-z_][A-Za-z0-9_]*))"
)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that has been read: its tree, and the keys of the questions it looks at."""

    node: Node
    names: frozenset[str]


def parse(text: str) -> Condition:
    """Read ``text``, which begins with ``=``. Raises ``ValueError`` with the reason in plain words."""
    if not text.strip().startswith("="):
        raise ValueError("A condition begins with =")
    if len(text) > LONGEST:
        raise ValueError(f"A condition may be {LONGEST:,} characters at most")
    tokens = list(_tokens(text.strip()[1:]))
    node, end = _either(tokens, 0, 0)
    if tokens[end] != END:
        raise ValueError(f"“{tokens[end][1]}” is not expected there")
    return Condition(node, frozenset(_names(node)))


def holds(condition: Condition, answers: Mapping[str, object]) -> bool:
    """Say whether the condition is plainly true of ``answers`` (key to value; dates as ISO text)."""
    return _value(condition.node, answers) is True


def _tokens(text: str) -> Iterator[Token]:
    start = 0
    while text[start:].strip():
        match = TOKEN.match(text, start)
        if match is None:
            raise ValueError(f"The condition cannot be read at “{text[start:].strip()[:30]}”")
        kind = str(match.lastgroup)
        yield kind, match[kind]
        start = match.end()
    yield END


def _either(tokens: list[Token], at: int, depth: int) -> Read:
    left, at = _both(tokens, at, depth)
    while tokens[at] == ("word", "or"):
        right, at = _both(tokens, at + 1, depth)
        left = ("or", left, right)
    return left, at


def _both(tokens: list[Token], at: int, depth: int) -> Read:
    left, at = _comparison(tokens, at, depth)
    while tokens[at] == ("word", "and"):
        right, at = _comparison(tokens, at + 1, depth)
        left = ("and", left, right)
    return left, at


def _comparison(tokens: list[Token], at: int, depth: int) -> Read:
    left, at = _single(tokens, at, depth)
    kind, mark = tokens[at]
    if kind != "mark" or mark not in COMPARISONS:
        return left, at
    right, at = _single(tokens, at + 1, depth)
    if tokens[at][0] == "mark" and tokens[at][1] in COMPARISONS:
        raise ValueError("Two comparisons must be joined by “and” or “or”")
    return (mark, left, right), at


def _single(tokens: list[Token], at: int, depth: int) -> Read:
    if depth > DEEPEST:
        raise ValueError("The condition has too many brackets inside one another")
    kind, text = tokens[at]
    if (kind, text) == ("mark", "("):
        node, at = _either(tokens, at + 1, depth + 1)
        return node, _skip(tokens, at, ")")
    if kind == "text":
        return ("literal", _text(text)), at + 1
    if kind == "number":
        return ("literal", float(text) if "." in text else int(text)), at + 1
    if kind == "call":
        return _contains(tokens, at + 1, depth)
    if kind == "word":
        return _word(tokens, at, depth)
    raise ValueError(f"A value is missing before {text if kind == 'end' else f'“{text}”'}")


def _text(quoted: str) -> str:
    try:
        return str(json.loads(quoted, strict=False))
    except ValueError:
        raise ValueError(f"The text {quoted[:30]} cannot be read") from None


def _word(tokens: list[Token], at: int, depth: int) -> Read:
    word = tokens[at][1]
    called = tokens[at + 1] == ("mark", "(")
    if word == "not" and called:
        node, at = _either(tokens, at + 2, depth + 1)
        return ("not", node), _skip(tokens, at, ")")
    if word in UNREAD or word in {"and", "or", "not"}:
        raise ValueError(f"“{word}” is not understood there")
    if called:
        raise ValueError(f"The function “{word}” is not understood in a condition")
    return (("literal", LITERALS[word]) if word in LITERALS else ("name", word)), at + 1


def _contains(tokens: list[Token], at: int, depth: int) -> Read:
    at = _skip(tokens, at, "(")
    items, at = _either(tokens, at, depth + 1)
    at = _skip(tokens, at, ",")
    item, at = _either(tokens, at, depth + 1)
    return ("contains", items, item), _skip(tokens, at, ")")


def _skip(tokens: list[Token], at: int, mark: str) -> int:
    if tokens[at] != ("mark", mark):
        raise ValueError(f"“{mark}” is missing before {tokens[at][1]}")
    return at + 1


def _names(node: Node) -> Iterator[str]:
    if node[0] == "name":
        yield str(node[1])
    elif node[0] != "literal":
        for child in node[1:]:
            yield from _names(child)


def _value(node: Node, answers: Mapping[str, object]) -> object:
    match node:
        case ("literal", value):
            return value
        case ("name", key):
            return answers.get(key)
        case ("not", inner):
            value = _value(inner, answers)
            return not value if isinstance(value, bool) else None
        case ("and" | "or" as word, left, right):
            return _joined(_value(left, answers), _value(right, answers), decisive=word == "or")
        case ("contains", items, item):
            held = _value(items, answers)
            return _value(item, answers) in held if isinstance(held, list) else None
        case (mark, left, right):
            return _compared(mark, _value(left, answers), _value(right, answers))
    return None


def _joined(left: object, right: object, *, decisive: bool) -> bool | None:
    if left is decisive or right is decisive:
        return decisive
    return (not decisive) if isinstance(left, bool) and isinstance(right, bool) else None


def _compared(mark: str, left: Any, right: Any) -> bool | None:
    same_kind = _kind(left) == _kind(right)
    if mark in ("=", "!="):
        return bool(same_kind and left == right) is (mark == "=")
    if not same_kind or _kind(left) not in ("number", "text"):
        return None
    return bool({"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[mark])


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else type(value).__name__
