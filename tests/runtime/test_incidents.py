"""A case that could not take a step needs attention until it takes one again."""

from sqlalchemy import select

from service.store import queries
from service.store.tables import process_instance
from service.store.transaction import transaction
from story import COMPLETE, begin, key


def test_a_mended_case_is_stuck_no_longer(service, who, clock):
    done, task = begin(service, who)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    this = process_instance.c.id == done.instance_id
    with transaction(service.store) as db:
        whole = db.execute(select(process_instance.c.state).where(this)).scalar_one()
        db.execute(process_instance.update().where(this).values(state="{}"))
    clock.to("2013-07-01T09:00")
    assert service.sweeper.sweep() == 0
    with service.read() as db:
        assert queries.case(db, who("ann"), done.code).status == "incident"
    with transaction(service.store) as db:
        db.execute(process_instance.update().where(this).values(state=whole))
    clock.pass_by(minutes=16)
    assert service.sweeper.sweep() == 1
    with service.read() as db:
        assert queries.case(db, who("ann"), done.code).status == "running"
        assert queries.incidents(db, who("ann")) == []
