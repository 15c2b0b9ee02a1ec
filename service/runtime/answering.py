"""Idempotency: a request that came before gets the answer it got then, and has one effect.

A key belongs to one person and to one request: with another request it is refused, without one nothing is written.
"""

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, insert, select

from service.core import values
from service.core.access import Actor
from service.core.errors import KeyMissing, KeyReused
from service.store.tables import account, request

LONGEST_KEY = 64


@dataclass(frozen=True, slots=True)
class Done:
    """What a write did: the instance, its code, the step's number, and the actor's tasks now open in it."""

    instance_id: str
    code: str
    seq: int
    opened: tuple[str, ...] = ()
    replayed: bool = False


def answered(db: Connection, actor: Actor, key: str, said: tuple[object, ...]) -> Done | None:
    """The stored answer to a request that came before.

    Raises ``KeyMissing``, ``KeyReused`` if the key came with another request. A person's own requests queue, so the
    second half of a double click finds the first one's answer.
    """
    require_key(key)
    # Always the account before the case, so no two people wait for each other; key_share lets letters refer to the row.
    db.execute(select(account.c.id).where(account.c.id == actor.account_id).with_for_update(key_share=True))
    found = select(request).where(request.c.account_id == actor.account_id, request.c.key == key)
    row = db.execute(found).one_or_none()
    if row is None:
        return None
    if row.fingerprint != _fingerprint(said):
        raise KeyReused("This page was already used for another answer. Open it again.")
    kept = json.loads(row.answer)
    return Done(**{**kept, "opened": tuple(kept["opened"]), "replayed": True})


def require_key(key: str) -> None:
    """Raises ``KeyMissing`` for a key that is none."""
    if not key or len(key) > LONGEST_KEY:
        raise KeyMissing("This request came without the key that tells a repeat from something new.")


def answer(db: Connection, actor: Actor, key: str, said: tuple[object, ...], done: Done, at: datetime) -> Done:
    """Keep the answer to a request in the transaction of its effect, and return it."""
    written = json.dumps(asdict(replace(done, replayed=False)))
    row = {"account_id": actor.account_id, "key": key, "fingerprint": _fingerprint(said), "answer": written, "at": at}
    db.execute(insert(request).values(row))
    return done


def _fingerprint(said: tuple[object, ...]) -> str:
    return values.sha256(values.compact(values.encode(list(said))).encode())
