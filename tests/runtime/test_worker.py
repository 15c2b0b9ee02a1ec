"""The worker's turn, carried by the queue that belongs to the database in use."""

from service.runtime import worker
from service.store import queries
from story import COMPLETE, begin, key


def test_a_turn_of_the_queue_fires_what_is_due_and_posts_letters(service, who, clock, post):
    done, task = begin(service, who)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    queue = worker.queue_of(service)
    worker.install(queue, service)
    clock.to("2013-07-01T09:00")
    (turn,) = queue._registry.periodic_tasks
    queue.execute(turn)
    with service.read() as db:
        (limit,) = queries.clocks(db, done.instance_id)
    assert limit.breached_at is not None
    assert post.sent
    queue.storage.flush_all()
    queue.storage.close()


def test_the_queue_is_kept_with_the_database_that_is_used(service):
    kind = "SqliteHuey" if service.store.embedded else "PostgresHuey"
    queue = worker.queue_of(service)
    assert type(queue).__name__ == kind
    queue.storage.close()
