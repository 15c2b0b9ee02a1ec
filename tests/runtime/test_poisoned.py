"""A case that cannot be loaded harms nobody but itself."""

from sqlalchemy import select

from service.store.tables import clock as timed
from service.store.tables import incident, process_instance
from service.store.transaction import transaction
from story import COMPLETE, begin, key


def test_one_case_that_cannot_be_loaded_holds_up_none_of_fifty(service, who, clock, post):
    """The other forty-nine go on in the same sweep; the broken one is told of once and tried once in a quarter hour."""
    begun = [begin(service, who) for _ in range(50)]
    for _, task in begun:
        service.handler.complete(who("ann"), task, COMPLETE, key())
    poisoned = begun[20][0].instance_id
    with transaction(service.store) as db:
        db.execute(process_instance.update().where(process_instance.c.id == poisoned).values(state="{}"))
    clock.to("2013-07-01T09:00")
    assert service.sweeper.sweep() == 49
    while service.sweeper.post():
        pass
    letters = len(post.sent)
    for _ in range(14):
        clock.pass_by(minutes=1)
        assert (service.sweeper.sweep(), service.sweeper.post()) == (0, 0)
    assert tried(service) == [(poisoned, 1)]
    clock.pass_by(minutes=2)
    service.sweeper.sweep()
    assert tried(service) == [(poisoned, 2)]
    assert service.sweeper.post() <= 1
    assert len(post.sent) <= letters + 1
    with service.read() as db:
        breached = select(timed.c.instance_id).where(timed.c.breached_at.is_not(None))
        assert set(db.execute(breached).scalars()) == {done.instance_id for done, _ in begun} - {poisoned}


def tried(service) -> list[tuple[str, int]]:
    with service.read() as db:
        wanted = select(incident.c.instance_id, incident.c.attempts).where(incident.c.closed_at.is_(None))
        return [tuple(row) for row in db.execute(wanted)]
