"""A database that a checkpoint from outside contradicts can be looked at, and nothing is done in it.

It was restored from an older backup, copied without its newest part, or rewritten. Showing it helps those who must find
out what is missing; a step taken in it would begin a second history. So no step is taken, however it is asked for,
until the right database is back or somebody has accepted this one, on record.
"""

import logging

from service.runtime import witnesses
from service.runtime.service import Service
from service.store.transaction import close_for_steps

log = logging.getLogger(__name__)


def look(service: Service) -> str | None:
    """Hold the database against the newest checkpoint in the folder; the sentence why it can only be read, or ``None``.

    Sets off the alarm in the log, and closes the store for steps.
    """
    try:
        witnesses.require_whole(service)
    except witnesses.OtherDatabase as other:
        log.error("ALARM: the database can only be read. %s", other, extra={"action": "reading_only"})  # noqa: TRY400 - the sentence says all  # nosemgrep: text-in-a-log-line
        close_for_steps(service.store)
        return str(other)
    return None
