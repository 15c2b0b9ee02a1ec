"""What playing the stories of a deployed version gave, kept so that no page has to play them."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from service.store.tables import story_run


def ask(db: Connection, definition_hash: str, stories: Iterable[str], at: datetime) -> None:
    """Ask for the stories of a version to be played; what earlier runs gave is forgotten."""
    db.execute(delete(story_run).where(story_run.c.definition_hash == definition_hash))
    rows = [{"definition_hash": definition_hash, "story": s, "asked_at": at} for s in stories]
    if rows:
        db.execute(insert(story_run), rows)


def keep(db: Connection, definition_hash: str, story: str, given: dict[str, Any], at: datetime) -> None:
    """Keep what one story gave, if it is still asked for."""
    wanted = (story_run.c.definition_hash == definition_hash, story_run.c.story == story)
    text = json.dumps(given, ensure_ascii=False)
    db.execute(update(story_run).where(*wanted).values(given=text, played_at=at))


def waiting(db: Connection, limit: int) -> list[tuple[str, str]]:
    """Stories that wait to be played: the version's hash and the story's name, those asked for first."""
    rows = (
        select(story_run.c.definition_hash, story_run.c.story)
        .where(story_run.c.played_at.is_(None))
        .order_by(story_run.c.asked_at, story_run.c.definition_hash, story_run.c.story)
        .limit(limit)
    )
    return [(row.definition_hash, row.story) for row in db.execute(rows)]


def found(db: Connection, definition_hash: str) -> tuple[list[dict[str, Any]], list[str], datetime | None]:
    """What the stories of a version gave, the names of those that still wait, and when the last was played."""
    of_version = select(story_run).where(story_run.c.definition_hash == definition_hash).order_by(story_run.c.story)
    rows = list(db.execute(of_version))
    given = [json.loads(row.given) for row in rows if row.given is not None]
    last = max((row.played_at for row in rows if row.played_at is not None), default=None)
    return given, [row.story for row in rows if row.given is None], last
