"""Sixteen writers on one case, in two processes: every one of their steps is in one chain, without a fork or a gap."""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from service.core import chain
from service.runtime.service import Service, join
from service.settings import Settings
from service.store import instances, people
from service.store.tables import process_instance, request, step, user_task
from torture import definition
from torture.crowd import staff
from torture.databases import Database
from torture.fleet import CONTEXT, prepare

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WRITERS = 16
BODIES = tuple(f"body{n:02}" for n in range(WRITERS))


@dataclass(frozen=True)
class Chained:
    """What came of it: how many entries the chain has, and what is wrong with it."""

    entries: int
    wrong: tuple[str, ...]


def write(database: Database, each: int) -> Chained:
    """Let every writer make ``each`` steps on one case and look at its chain."""
    service = _service(database.url)
    staff(service, NOW, BODIES)
    service.deployments.deploy(None, definition.files(BODIES), "sixteen bodies")
    with service.read() as db:
        ann = people.actor(db, "ann", NOW)
    done = service.handler.start(ann, "begin", {"kind": "round"}, "begin")
    _all_write(database.url, done.instance_id, each)
    found = _look(service, done.instance_id, each)
    _dispose(service)
    return found


def _look(service: Service, instance_id: str, each: int) -> Chained:
    with service.read() as db:
        steps = instances.steps_of(db, instance_id)
        head = db.execute(select(process_instance.c.head_hash)).scalar_one()
        answers = db.execute(select(func.count()).select_from(request)).scalar_one()
        forks = db.execute(
            select(step.c.prev_hash).group_by(step.c.instance_id, step.c.prev_hash).having(func.count() > 1)
        ).all()
    wrong = [f"a fork at {f.prev_hash}" for f in forks]
    try:
        chain.verify(steps)
    except chain.ChainBroken as broken:
        wrong.append(str(broken))
    expected = WRITERS * each + 1
    if (len(steps), answers) != (expected, expected):
        wrong.append(f"{len(steps)} steps and {answers} answers instead of {expected}")
    if head != steps[-1].hash:
        wrong.append("the head is not the last step")
    return Chained(len(steps), tuple(wrong))


def _all_write(url: str, instance_id: str, each: int) -> None:
    prepare()
    halves = [BODIES[::2], BODIES[1::2]]
    made = [CONTEXT.Process(target=_process, args=(url, instance_id, half, each)) for half in halves]
    for process in made:
        process.start()
    for process in made:
        process.join()
        assert process.exitcode == 0, f"a process of writers ended with {process.exitcode}"


def _process(url: str, instance_id: str, bodies: tuple[str, ...], each: int) -> None:
    service = _service(url)
    threads = [threading.Thread(target=_writer, args=(service, instance_id, body, each)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _dispose(service)


def _writer(service: Service, instance_id: str, body: str, each: int) -> None:
    """Take one's own task and give it back, again and again: each is a step of the same case."""
    with service.read() as db:
        who = people.actor(db, f"{body}-1", NOW)
        wanted = select(user_task.c.id).where(user_task.c.instance_id == instance_id, user_task.c.item == body)
        task_id = db.execute(wanted).scalar_one()
    for number in range(each):
        act = service.handler.release if number % 2 else service.handler.claim
        while True:
            try:
                act(who, task_id, f"{body} {number}")
                break
            except OperationalError:  # sixteen queue for one lock: whoever waited too long asks again
                continue


def _service(url: str) -> Service:
    settings = Settings(database_url=url, data_folder=Path(), secret_key="s" * 40)
    return join(settings, lambda: NOW, lambda _message: None)


def _dispose(service: Service) -> None:
    service.store.writers.dispose()
    service.store.readers.dispose()
