"""The worker: Huey calls the sweeps and the sealing once a minute, and once at its start.

Huey only carries the turns; what is due is in our tables, so a lost turn is lateness and never loss. Embedded, Huey
keeps its queue in a file of its own; with PostgreSQL, in the same database.
"""

from huey import Huey, PostgresHuey, SqliteHuey, crontab
from huey.consumer import Consumer

from service.runtime import sealing, witnesses
from service.runtime.service import Service


def queue_of(service: Service) -> Huey:
    """The queue for a service's store."""
    if not service.store.embedded:
        dsn = service.store.writers.url.set(drivername="postgresql").render_as_string(hide_password=False)
        return PostgresHuey("casework", dsn=dsn)
    folder = service.settings.data_folder
    folder.mkdir(parents=True, exist_ok=True)
    return SqliteHuey("casework", filename=str(folder / "queue.db"), fsync=True)


def install(queue: Huey, service: Service) -> None:
    """Register the worker's jobs on a queue."""

    def turn() -> None:
        service.sweeper.sweep()
        service.sweeper.post()
        sealing.turn(service)

    queue.periodic_task(crontab(minute="*"), name="turn")(turn)


def run(service: Service) -> None:
    """Work until told to stop. Raises ``OtherDatabase`` over one that a checkpoint contradicts."""
    witnesses.require_whole(service)
    queue = queue_of(service)
    install(queue, service)
    service.sweeper.sweep()
    service.sweeper.post()
    sealing.turn(service)
    Consumer(queue, workers=1, periodic=True).run()
