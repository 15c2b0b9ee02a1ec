"""A case's history carried away: its steps, the definitions it ran on, and what vouches for them from outside.

Promises: what people wrote is not in it, only its salted hashes. Reading is strict: whatever is not what
``service export`` writes is refused in a sentence, and a changed letter anywhere is noticed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import rfc8785
from sqlalchemy import Connection

from service.core import checkpoints, values
from service.core.chain import Step
from service.core.checkpoints import PublicKey
from service.core.definitions import ProcessDefinition, content_hash, definition_of
from service.core.errors import NotFound
from service.core.evidence import Earlier, Evidence, Placed
from service.core.merkle import Tree
from service.runtime.definitions import Definitions
from service.runtime.witnesses import tree_at
from service.store import instances, seals

VERSION = 2
DAYS = 400
"""An export leads back to checkpoints of this many days: those that were sent to people."""

TEXTS = ("instance_id", "actor", "definition", "state_hash", "prev_hash", "hash")


@dataclass(frozen=True, slots=True)
class Export:
    """An export as it was read. ``definitions`` are by hash."""

    code: str
    steps: tuple[Step, ...]
    definitions: Mapping[str, ProcessDefinition]
    evidence: Evidence


def export(
    db: Connection,
    definitions: Definitions,
    instance_id: str,
    code: str,
    key: PublicKey | None = None,
    witnessed: Sequence[str] = (),
) -> dict[str, Any]:
    """All that is needed to check a case anywhere else. It leads back to the checkpoints ``witnessed`` too."""
    steps = instances.steps_of(db, instance_id)
    kept: dict[str, Any] = {
        "version": VERSION,
        "code": code,
        "steps": [_written(s) for s in steps],
        "definitions": {h: dict(definitions.load(db, h).files) for h in sorted({s.definition for s in steps})},
        "log": _log(db, instance_id, key, witnessed),
    }
    return {**kept, "digest": _digest(kept)}


def _written(step: Step) -> dict[str, Any]:
    return {name: getattr(step, name) for name in Step.__slots__ if name != "at"} | {"at": values.instant_text(step.at)}


def _digest(kept: Mapping[str, Any]) -> str:
    """Against accidents: whoever changes a file on purpose can compute it anew, and meets chain and log instead."""
    return values.sha256(values.canonical(kept))


def _log(db: Connection, instance_id: str, key: PublicKey | None, witnessed: Sequence[str]) -> dict[str, Any]:
    newest = seals.newest(db)
    if newest is None:
        return {"public_key": "", "checkpoint": "", "places": [], "earlier": []}
    tree = tree_at(db, newest.size)
    return {
        "public_key": key.text if key else "",
        "checkpoint": newest.note,
        "places": [
            {"seq": seq, "index": index, "proof": _hexes(tree.inclusion(index, tree.size))}
            for seq, index in seals.places_of(db, instance_id, newest.size)
        ],
        "earlier": _earlier(db, newest, tree, witnessed),
    }


def _earlier(db: Connection, newest: seals.Kept, tree: Tree, witnessed: Sequence[str]) -> list[dict[str, Any]]:
    # The first and the last of each day: what people were sent is one of them.
    kept = seals.checkpoints(db)
    last = {f"{row.at:%Y-%m-%d}": row.note for row in kept}
    first = {f"{row.at:%Y-%m-%d}": row.note for row in reversed(kept)}
    notes = [note for day in sorted(last)[-DAYS:] for note in (first[day], last[day])] + list(witnessed)
    sized = {note: checkpoints.read(note).size for note in notes}
    return [
        {"checkpoint": note, "proof": _hexes(tree.consistency(size, tree.size))}
        for note, size in sized.items()
        if 0 < size < newest.size and tree.size == newest.size
    ]


def _hexes(proof: Sequence[bytes]) -> list[str]:
    return [part.hex() for part in proof]


def read(text: str) -> Export:
    """Read an export. Raises ``NotFound`` when the text is not one."""
    try:
        kept = json.loads(text)
        if kept["version"] == VERSION:
            digest = kept.pop("digest")
            if digest != _digest(kept):
                raise NotFound("This export is not as it was written: something in it has been changed.")
        found = Export(
            str(kept["code"]),
            tuple(_step(s) for s in kept["steps"]),
            _definitions(kept["definitions"]),
            _evidence(kept),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, rfc8785.CanonicalizationError) as wrong:
        raise NotFound("This file is not the export of a case.") from wrong
    return found


def _step(kept: Mapping[str, Any]) -> Step:
    if set(kept) != set(Step.__slots__) or not all(isinstance(kept[name], str) for name in TEXTS):
        raise TypeError
    if not isinstance(kept["command"], dict) or not all(isinstance(e, dict) for e in kept["events"]):
        raise TypeError
    if type(kept["seq"]) is not int or type(kept["logic"]) is not int:
        raise TypeError
    at = values.decode({"$instant": kept["at"]})
    if values.instant_text(at) != kept["at"]:
        raise ValueError
    return Step(**{**kept, "at": at, "events": tuple(kept["events"])})


def _definitions(kept: Mapping[str, Any]) -> dict[str, ProcessDefinition]:
    for named, files in kept.items():
        if content_hash(files) != named:
            raise NotFound("The export holds another definition than its steps name.")
    return {named: definition_of(files) for named, files in kept.items()}


def _evidence(kept: Mapping[str, Any]) -> Evidence:
    """Version 1, the exports of the first release, carried none."""
    if kept["version"] == 1 and set(kept) == {"version", "code", "steps", "definitions"}:
        return Evidence()
    if kept["version"] != VERSION:
        raise ValueError
    log = kept["log"]
    return Evidence(
        _text(log["public_key"]), _text(log["checkpoint"]),
        tuple(Placed(_number(p["seq"]), _number(p["index"]), _proof(p["proof"])) for p in log["places"]),
        tuple(Earlier(_text(e["checkpoint"]), _proof(e["proof"])) for e in log["earlier"]),
    )  # fmt: skip


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: object) -> int:
    if type(value) is not int:
        raise TypeError
    return value


def _proof(value: Sequence[object]) -> tuple[bytes, ...]:
    found = tuple(bytes.fromhex(_text(part)) for part in value)
    if any(len(part) != 32 for part in found) or len(found) > 64:
        raise ValueError
    return found
