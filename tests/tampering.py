"""Changing a history the way somebody with the whole database in hand would: triggers off, keys unchecked.

Nothing of the service is used: this is the adversary, who has the tables, and sometimes the signing key.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from service.core import chain, checkpoints
from service.core.checkpoints import Checkpoint
from service.core.merkle import Frontier, leaf_hash
from service.runtime.signing import signing_key
from service.store import instances
from service.store.transaction import reading


class Tables:
    """The tables as the adversary meets them, one statement at a time; ``?`` stands for a value."""

    def __init__(self, run, mark: str) -> None:
        self._run, self._mark = run, mark

    def __call__(self, sql: str, *values: object) -> list[tuple]:
        cursor = self._run(sql.replace("?", self._mark), values)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def tables(store) -> Iterator[Tables]:
    """The database with every protection switched off; all of it is kept at the end, protections put back."""
    if store.embedded:
        yield from _sqlite(store.writers.url.database)
    else:
        url = store.writers.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(url) as db:
            db.execute("SET session_replication_role = replica")
            yield Tables(db.execute, "%s")


def _sqlite(path: str) -> Iterator[Tables]:
    db = sqlite3.connect(path, timeout=15)
    triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        db.execute(f"DROP TRIGGER {name}")
    yield Tables(db.execute, "?")
    for _, sql in triggers:
        db.execute(sql)
    db.commit()
    db.close()


def change(store, seq: int, **values: object) -> None:
    """Change columns of step ``seq`` of every case."""
    with tables(store) as sql:
        for name, value in values.items():
            sql(f"UPDATE step SET {name} = ? WHERE seq = ?", value, seq)


def seal_anew(store, instance_id: str, start: int = 1) -> None:
    """Give every step of a case, from ``start`` on, the hashes that its contents now call for."""
    with reading(store) as db:
        steps = instances.steps_of(db, instance_id)
    with tables(store) as sql:
        before = steps[start - 2].hash if start > 1 else chain.START
        own = "instance_id = ? AND seq >= ?"
        sql(f"UPDATE step SET prev_hash = '-' || substr(prev_hash, 2) WHERE {own}", instance_id, start)
        for kept in steps[start - 1 :]:
            made = type(kept)(**{**{n: getattr(kept, n) for n in type(kept).__slots__}, "prev_hash": before})
            before = chain.seal(made)
            sql("UPDATE step SET prev_hash = ?, hash = ? WHERE instance_id = ? AND seq = ?",
                made.prev_hash, before, instance_id, kept.seq)  # fmt: skip
        sql("UPDATE process_instance SET head_hash = ? WHERE id = ?", before, instance_id)


def sign_anew(service, key=None, name: str | None = None) -> None:
    """Write the whole log and its checkpoints again over the steps as they now are: what a stolen key is good for."""
    key = key or signing_key(service.settings, fresh=False)
    name = name or service.settings.log_name
    with tables(service.store) as sql:
        sizes = {size for (size,) in sql("SELECT size FROM checkpoint")}
        same = "s.instance_id = l.instance_id AND s.seq = l.seq"
        rows = sql(f'SELECT l."index", s.hash FROM leaf l JOIN step s ON {same} ORDER BY l."index"')
        frontier = Frontier()
        for index, step_hash in rows:
            sql('UPDATE leaf SET hash = ? WHERE "index" = ?', step_hash, index)
            frontier = frontier.add(leaf_hash(bytes.fromhex(step_hash)))
            if frontier.size in sizes:
                note = checkpoints.sign(Checkpoint(name, frontier.size, frontier.root).text, name, key)
                sql("UPDATE checkpoint SET root = ?, frontier = ?, note = ? WHERE size = ?", frontier.root.hex(),
                    "".join(p.hex() for p in frontier.peaks), note, frontier.size)  # fmt: skip
        sql("DELETE FROM checkpoint WHERE size > ?", frontier.size)


def events_changed(store, seq: int, drop: str) -> None:
    """Take the events of one type out of step ``seq`` of every case."""
    with tables(store) as sql:
        for instance_id, text in sql("SELECT instance_id, events FROM step WHERE seq = ?", seq):
            kept = [e for e in json.loads(text) if e["type"] != drop]
            sql("UPDATE step SET events = ? WHERE instance_id = ? AND seq = ?", json.dumps(kept), instance_id, seq)
