"""What both databases can keep alike: refused here, before either of them is asked, so that none differs.

SQLite takes a NUL inside a text, numbers of 64 bits and texts longer than their column; PostgreSQL takes none of
these, and neither takes half a surrogate pair. What people write is judged long before; this is the last net.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import String

from service.core.errors import BrokenRule

LARGEST = 2**31 - 1
"""Of an ``Integer`` column, which is the only kind of number in our tables."""


def refuse_what_cannot_be_kept(context: Any) -> None:
    """Judge the parameters of a statement about to run (an SQLAlchemy execution context).

    Raises ``BrokenRule``: the statement never reaches the database.
    """
    compiled = getattr(context, "compiled", None)
    if compiled is None:
        return
    writes = context.isinsert or context.isupdate
    for given in context.compiled_parameters:
        for name, value in _singles(given):
            _refuse(value)
            bind = compiled.binds.get(name)
            longest = getattr(bind.type, "length", None) if bind is not None and isinstance(bind.type, String) else None
            if writes and longest and isinstance(value, str) and len(value) > longest:
                raise BrokenRule(f"A text is longer than the {longest} characters that can be kept of it.")


def _singles(given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in given.items():
        for single in value if isinstance(value, list | tuple | set | frozenset) else (value,):
            yield name, single


def _refuse(value: object) -> None:
    if isinstance(value, str) and ("\0" in value or not _whole(value)):
        raise BrokenRule("A text holds a character that cannot be kept: NUL, or half of a surrogate pair.")
    if isinstance(value, int) and not -LARGEST - 1 <= value <= LARGEST:
        raise BrokenRule("A number is larger than what can be kept.")


def _whole(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
