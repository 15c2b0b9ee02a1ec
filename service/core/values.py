"""Values that survive being written down: one JSON spelling for each type a process variable may have.

Promises: ``decode(encode(v)) == v`` with the same types, also after a trip through canonical JSON; anything else is
refused at once with ``TypeError``, never silently changed. Keys beginning with ``$`` are reserved for this spelling.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import rfc8785

LARGEST_INTEGER = 2**53


def encode(value: object) -> Any:  # noqa: C901 - one arm for each type
    """Return the JSON spelling of ``value``; instants become UTC. Raises ``TypeError`` for any other type."""
    match value:
        case None | bool() | str():
            return value
        case int() if abs(value) <= LARGEST_INTEGER:
            return value
        case float():
            return {"$float": repr(value)}
        case datetime():
            return {"$instant": instant_text(value)}
        case date():
            return {"$date": value.isoformat()}
        case timedelta():
            return {"$seconds": repr(value.total_seconds())}
        case Mapping():
            return {_key(k): encode(v) for k, v in value.items()}
        case Sequence() | set() | frozenset():
            return [encode(v) for v in (sorted(value) if isinstance(value, set | frozenset) else value)]
    raise TypeError(f"a {type(value).__name__} cannot be kept in a process variable")


def _key(key: object) -> str:
    if not isinstance(key, str) or key.startswith("$"):
        raise TypeError("keys must be texts that do not begin with $")
    return key


def decode(value: Any) -> Any:
    """Return the Python value that ``encode`` wrote."""
    if isinstance(value, list):
        return [decode(v) for v in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"$date": str(text)}:
            return date.fromisoformat(text)
        case {"$instant": str(text)}:
            return datetime.fromisoformat(text)
        case {"$float": str(text)}:
            return float(text)
        case {"$seconds": str(text)}:
            return timedelta(seconds=float(text))
    return {k: decode(v) for k, v in value.items()}


def instant_text(at: datetime) -> str:
    """Return ``at`` as UTC ISO 8601 with microseconds; refuses an instant without a zone."""
    if at.tzinfo is None:
        raise TypeError("an instant needs a time zone")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def canonical(value: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """Return the RFC 8785 bytes of a JSON value: the only bytes that are ever hashed into the history."""
    return rfc8785.dumps(value)


def compact(value: Any) -> str:
    """Return sorted, compact JSON text: for the engine's state, whose numbers may be floats."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256(data: bytes) -> str:
    """Return the SHA-256 of ``data`` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
