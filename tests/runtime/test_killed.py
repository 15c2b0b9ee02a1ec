"""Killing the service at any moment loses nothing that was acknowledged and leaves nothing half done."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select, text

from service.runtime import history
from service.store import instances, queries
from service.store.tables import process_instance, record, request, step
from story import APPLICATION
from tree import ROOT

BUSY = Path(__file__).with_name("busy.py")
KILLS, AT_ONCE = 3, 2
SEED = 20130529


def let_it_work(url: str, name: str, seconds: float) -> list[str]:
    """Run the busy process for a while, kill it, and return the lines it got out: what it was told was done."""
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    running = [
        subprocess.Popen([sys.executable, str(BUSY), url, f"{name}{n}"], env=environ, stdout=subprocess.PIPE, text=True)
        for n in range(AT_ONCE)
    ]
    for process in running:
        assert process.stdout.readline() == "ready\n"
    time.sleep(seconds)
    for process in running:
        process.kill()
    said = [line for process in running for line in process.communicate()[0].splitlines(keepends=True)]
    return [line.strip() for line in said if line.endswith("\n")]


@pytest.mark.timeout(300)
def test_nothing_acknowledged_is_lost_however_often_it_is_killed(service, who, database_url):
    chance = random.Random(SEED)
    acknowledged = []
    for number in range(KILLS):
        acknowledged += let_it_work(database_url, f"run{number}-", chance.uniform(0.05, 1.2))
    assert len(acknowledged) > KILLS, "the test did too little to mean anything"
    with service.read() as db:
        kept = {(row.instance_id, row.seq) for row in db.execute(select(step.c.instance_id, step.c.seq))}
        answered = set(db.execute(select(request.c.key)).scalars())
        cases = list(db.execute(select(process_instance)))
    for line in acknowledged:
        key, instance_id, seq = line.split("=")
        assert (instance_id, int(seq)) in kept, f"{line} was acknowledged and is gone"
        assert key in answered
    assert len(cases) - len({line.split("=")[1] for line in acknowledged}) <= KILLS * AT_ONCE
    for case in cases:
        whole(service, case)
    if service.store.embedded:
        with service.read() as db:
            assert db.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"


def whole(service, case) -> None:
    """A case is all there: chain, replay, state, one record for each step that carries one, its open tasks."""
    with service.read() as db:
        steps = instances.steps_of(db, case.id)
        verdict = history.verdict(service.definitions.get, steps, queries.state(db, case.id))
        records = set(db.execute(select(record.c.hash).where(record.c.instance_id == case.id)).scalars())
    assert verdict.kind == "equal", verdict.text
    assert records == {s.command["record"] for s in steps if s.command.get("record")}
    assert case.version == len(steps)


def test_what_was_interrupted_can_be_sent_again(service, who, database_url):
    """The same request after the kill gives the kept answer where there is one, and is done now where there is none."""
    let_it_work(database_url, "again-", 0.4)
    with service.read() as db:
        before = db.execute(select(request.c.key).where(request.c.key.like("again-%start"))).all()
    for (key,) in before:
        assert service.handler.start(who("ann"), "application_received", APPLICATION, key).replayed
    fresh = service.handler.start(who("ann"), "application_received", APPLICATION, "again-never-sent")
    assert not fresh.replayed
