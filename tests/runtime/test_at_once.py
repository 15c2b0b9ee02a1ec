"""Requests that arrive at the same instant: each has one effect, and nobody meets a database error."""

import threading

from sqlalchemy import func, insert, select

from service.store.tables import account, membership, process_instance, step
from service.store.transaction import transaction
from story import APPLICATION, COMPLETE, begin, key

AT_ONCE = 6


def all_at_once(*asked):
    """Call everything at the same instant; return the answers and what was raised."""
    ready, answers, raised = threading.Barrier(len(asked)), [], []

    def call(ask):
        ready.wait()
        try:
            answers.append(ask())
        except Exception as failure:  # noqa: BLE001 - whatever it is, the test must see it
            raised.append(failure)

    threads = [threading.Thread(target=call, args=(ask,)) for ask in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers, raised


def clerks(service, who):
    """As many people who may start a case as there are requests."""
    names = [f"clerk{number}" for number in range(AT_ONCE)]
    granted = {"partnership_id": "p", "role": "clerk", "granted_by": "x", "reason": "x", "from_at": service.clock()}
    with transaction(service.store) as db:
        for name in names:
            row = {"id": name, "email": f"{name}@example.invalid", "name": name, "password_hash": "x"}
            db.execute(insert(account).values(practice=False, **row))
            db.execute(insert(membership).values(id=name, account_id=name, **granted))
    return [who(name) for name in names]


def test_cases_started_at_once_get_codes_of_their_own(service, who):
    def start_as(actor):
        return lambda: service.handler.start(actor, "application_received", APPLICATION, key())

    answers, raised = all_at_once(*map(start_as, clerks(service, who)))
    assert raised == []
    assert sorted(done.code for done in answers) == [f"TREE-2013-{n:03d}" for n in range(1, AT_ONCE + 1)]


def test_a_double_click_on_start_starts_once(service, who):
    ann, once = who("ann"), key()
    ask = lambda: service.handler.start(ann, "application_received", APPLICATION, once)  # noqa: E731
    answers, raised = all_at_once(*[ask] * AT_ONCE)
    assert raised == []
    assert len({done.code for done in answers}) == 1
    assert sorted(done.replayed for done in answers) == [False] + [True] * (AT_ONCE - 1)
    with service.read() as db:
        assert db.execute(select(func.count()).select_from(process_instance)).scalar_one() == 1


def test_a_double_click_on_a_task_completes_it_once(service, who):
    _, task = begin(service, who)
    ann, once = who("ann"), key()
    answers, raised = all_at_once(*[lambda: service.handler.complete(ann, task, COMPLETE, once)] * AT_ONCE)
    assert raised == []
    assert {done.seq for done in answers} == {2}
    with service.read() as db:
        assert db.execute(select(func.count()).select_from(step)).scalar_one() == 2
