"""The one door through which answers enter: what may not be kept is refused here, whatever question it answers.

Promises: what comes out holds only texts, truth values, whole numbers up to 2^53, finite numbers, dates, instants,
lists of at most 200 and objects with harmless names, at most ten deep; texts are NFC with line feeds, at most 20,000
characters, free of control characters, half surrogates and hidden direction marks. Nothing is dropped without a fault.
"""

import math
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

DEEPEST = 10
LARGEST = 2**53
MOST_ROWS = 200
LONGEST_TEXT = 20_000
LONGEST_KEY = 64
FORBIDDEN_KEYS = frozenset({"typename", "self"})
DIRECTION_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
LINE_ENDS = ("\r\n", "\r", "\u2028", "\u2029")

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that may not enter: where it stood, and the end of a sentence that begins with the question's name."""

    path: Path
    reason: str


def admit(raw: object) -> tuple[dict[str, object], list[Fault]]:
    """Return the cleaned answers and the faults; a value with a fault comes out as ``None``."""
    faults: list[Fault] = []
    if not isinstance(raw, Mapping):
        return {}, [Fault((), "must be questions with answers")]
    cleaned = _mapping(raw, (), faults)
    return cleaned, faults


def _value(value: object, path: Path, faults: list[Fault]) -> object:
    if len(path) > DEEPEST:
        faults.append(Fault(path, "has too many levels inside one another"))
        return None
    try:
        if isinstance(value, Mapping):
            return _mapping(value, path, faults)
        if isinstance(value, list | tuple):
            return _items(value, path, faults)
        return clean_text(value) if isinstance(value, str) else _plain(value)
    except ValueError as refusal:
        faults.append(Fault(path, str(refusal)))
        return None


def _mapping(value: Mapping[object, object], path: Path, faults: list[Fault]) -> dict[str, object]:
    kept: dict[str, object] = {}
    for key, inner in value.items():
        if _harmless(key):
            kept[str(key)] = _value(inner, (*path, str(key)), faults)
        else:
            faults.append(Fault((*path, printable(key)), "is not a name that an answer may have"))
    return kept


def _items(value: list[object] | tuple[object, ...], path: Path, faults: list[Fault]) -> list[object]:
    if len(value) > MOST_ROWS:
        raise ValueError(f"may have {MOST_ROWS} entries at most")
    return [_value(inner, (*path, number), faults) for number, inner in enumerate(value)]


def _plain(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST:
        raise ValueError("is a number too large to keep")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("is not a number")
    if value is None or isinstance(value, bool | int | float | date):
        return value
    raise ValueError("is not in a form that can be kept")


def _harmless(key: object) -> bool:
    return (
        isinstance(key, str)
        and 0 < len(key) <= LONGEST_KEY
        and key.isascii()
        and key.isprintable()
        and not key.startswith(("_", "$"))
        and key not in FORBIDDEN_KEYS
    )


def clean_text(text: str) -> str:
    """Return ``text`` as NFC with line feeds. Raises ``ValueError`` if it is too long or hides something."""
    if len(text) > 2 * LONGEST_TEXT:
        raise ValueError(f"must be {LONGEST_TEXT:,} characters or fewer")
    for end in LINE_ENDS:
        text = text.replace(end, "\n")
    for place, character in enumerate(text):
        if is_hidden(character):
            raise ValueError(_hidden(text[:place], character))
    text = unicodedata.normalize("NFC", text)
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"must be {LONGEST_TEXT:,} characters or fewer")
    return text


def is_hidden(character: str) -> bool:
    """Say whether a character cannot be seen and changes how text is stored or read; line feed and tab may stay."""
    if character in "\n\t":
        return False
    return character in DIRECTION_MARKS or unicodedata.category(character) in ("Cc", "Cs")


def _hidden(before: str, character: str) -> str:
    where = f"after “{before[-20:].strip()}”" if before.strip() else "at its beginning"
    return f"contains a hidden character (U+{ord(character):04X}) {where}: delete it and type that part again"


def printable(key: object) -> str:
    """Return a key as short, plain text that is safe to print anywhere."""
    text = key if isinstance(key, str) else type(key).__name__
    return text[:40].encode("ascii", "backslashreplace").decode() or "(no name)"


def joined(path: Iterable[str | int]) -> str:
    """Return where an answer stands as one name: ``children-0-name``."""
    return "-".join(str(part) for part in path)
