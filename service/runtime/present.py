"""What time it is for a case: the one clock, moved ahead by as much as a practice site has been moved.

On a production site nothing can move it: the table stays empty there.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from service.store.tables import practice_clock


def ahead(db: Connection) -> timedelta:
    """How far a practice site's clock has been moved."""
    return timedelta(seconds=db.execute(select(practice_clock.c.seconds_ahead)).scalar_one_or_none() or 0)


def now(db: Connection, clock: Callable[[], datetime]) -> datetime:
    """The present instant as cases see it."""
    return clock() + ahead(db)
