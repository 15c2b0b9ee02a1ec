"""A process that works on cases as fast as it can and says what was acknowledged, until somebody kills it.

Not a test: ``test_killed`` starts it. Arguments: the database's address and a name that keeps its cases apart.
"""

import sys
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from service.runtime.service import join
from service.settings import Settings
from service.store import people, queries
from story import APPLICATION, COMPLETE, GRANT


def work(url: str, name: str) -> None:
    """Start, check and decide one case after another; a line for each acknowledgement, at once."""
    at = datetime(2013, 5, 30, 9, tzinfo=UTC)
    service = join(Settings(database_url=url, data_folder=Path(), secret_key="s" * 40), lambda: at, [].append)
    with service.read() as db:
        ann, ben = people.actor(db, "ann", at), people.actor(db, "ben", at)
    say("ready")
    for number in count():
        key = f"{name} {number} "
        done = service.handler.start(ann, "application_received", APPLICATION, key + "start")
        say(f"{key}start={done.instance_id}={done.seq}")
        done = service.handler.complete(ann, done.opened[0], COMPLETE, key + "check")
        say(f"{key}check={done.instance_id}={done.seq}")
        with service.read() as db:
            waiting = [task for task in queries.tasks(db, ben, which="groups") if task.instance_id == done.instance_id]
        done = service.handler.complete(ben, waiting[0].id, GRANT, key + "decide")
        say(f"{key}decide={done.instance_id}={done.seq}")


def say(line: str) -> None:
    """Write a line and make sure that it has left this process."""
    print(line, flush=True)


if __name__ == "__main__":
    work(*sys.argv[1:])
