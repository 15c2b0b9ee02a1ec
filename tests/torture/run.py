"""One run over one database: batches of cases, people and three schedulers at work on them, faults from a plan.

After every batch the clock jumps past every timer, what is left is done, and everything that must hold is checked:
inside each case of the batch, and over all cases.
"""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select

from service.runtime.service import join
from service.settings import Settings
from service.store.tables import process_instance, step
from torture import checks, definition
from torture.crowd import Crowd, WorldClock, staff
from torture.databases import Database
from torture.faults import drawn
from torture.fleet import Fleet, Hand
from torture.hands import Order
from torture.tally import Plan, Tally, mixed
from torture.visits import visit

PEOPLE, PROCESSES, SCHEDULERS = 4, 4, 3
MOST_VIOLATIONS = 20
DEATHS = ("crash", "killed at a statement", "killed before commit", "killed after commit")


@dataclass(frozen=True)
class Size:
    """How much is asked of a run, and after how many cases it is checked."""

    completions: int
    faults: int
    batch: int = 60
    minutes: float = 60
    by_pages: int = 0
    kills: int = 0


def torture(database: Database, seed: int, size: Size, tell: Callable[[Tally], None] = lambda _: None) -> Tally:
    """Run until ``size`` is reached, a few violations are found or time is up, and return what was counted."""
    began, tally = time.monotonic(), Tally()
    chance = random.Random(f"{seed}-{database.kind}")
    clock = WorldClock(random.Random(seed))
    settings = Settings(database_url=database.url, data_folder=database.folder, secret_key="s" * 40)
    service = join(settings, lambda: clock.now, lambda _message: None)
    staff(service, clock.now)
    service.deployments.deploy(None, definition.files(), "torture")
    letters = database.folder / "letters"
    letters.touch()
    fleet = Fleet(database.url, letters, PROCESSES)
    schedulers = [Hand(database.url, letters) for _ in range(SCHEDULERS)]
    plan = Plan(mixed(database, size.faults - size.kills, chance), size.completions - size.by_pages)
    crowd = Crowd(database, service, fleet, clock, plan, tally, seed)
    try:
        while tally.completions < size.completions - size.by_pages or plan.kinds:
            _batch(crowd, schedulers, size, letters)
            tally.seconds = time.monotonic() - began
            tell(tally)
            if tally.seconds > size.minutes * 60:
                tally.wrong(f"the time of {size.minutes} minutes was up after {tally.completions} completions")
                break
            if len(tally.violations) >= MOST_VIOLATIONS:
                break
        if size.by_pages and not tally.violations:
            _by_pages(crowd, size, letters)
        with service.read() as db:
            tally.steps = db.execute(select(func.count()).select_from(step)).scalar_one()
    finally:
        fleet.stop()
        for hand in schedulers:
            hand.stop()
        service.store.writers.dispose()
        service.store.readers.dispose()
    tally.seconds = time.monotonic() - began
    return tally


def _batch(crowd: Crowd, schedulers: list[Hand], size: Size, letters: Path) -> None:
    tally, first = crowd.tally, crowd.tally.cases
    tally.cases += size.batch
    over = threading.Event()
    sweeping = [threading.Thread(target=_schedule, args=(crowd, hand, over, n)) for n, hand in enumerate(schedulers)]
    for thread in sweeping:
        thread.start()
    with ThreadPoolExecutor(PEOPLE) as people:
        begun = [c for c in people.map(crowd.story, range(first, first + size.batch)) if c]
        crowd.clock.jump(days=6)
        time.sleep(0.1)
        crowd.clock.jump(days=10)
        _sweep_all(crowd, schedulers[0])
        list(people.map(lambda c: crowd.go_on(c, random.Random(c)), begun))
        over.set()
        for thread in sweeping:
            thread.join()
        crowd.clock.jump(days=60)
        for _ in range(2):  # what a fault made an incident is set aside for a quarter of an hour, then taken again
            _sweep_all(crowd, schedulers[0])
            crowd.clock.jump(hours=1)
        asked = [begun[n::2] for n in range(2)]
        examined = people.map(
            lambda cases: crowd.fleet.ask(Order("examine", crowd.clock.now, answers={"cases": cases})), asked
        )
        for told in examined:
            tally.wrong(*(told.what if told.how == "done" else [f"a check could not be made: {told.what}"]))
    tally.wrong(*checks.ledger(crowd.service, tally.acked, letters, crowd.clock.now))


def _by_pages(crowd: Crowd, size: Size, letters: Path) -> None:
    """The last part by pages of the real server, which has the machine's own clock."""
    visit(crowd, size.by_pages, size.kills)
    crowd.clock.now = datetime.now(UTC)
    hand = crowd.fleet.hands[0]
    _sweep_all(crowd, hand)
    with crowd.service.read() as db:
        begun = list(
            db.execute(
                select(process_instance.c.id)
                .where(
                    process_instance.c.id.in_({case for case, _ in crowd.tally.acked.values()}),
                    process_instance.c.version > 0,
                )
                .order_by(process_instance.c.started_at.desc())
            ).scalars()
        )
    crowd.tally.cases = len(begun)
    told = hand.ask(Order("examine", crowd.clock.now, answers={"cases": begun[: size.by_pages]}))
    crowd.tally.wrong(*(told.what if told.how == "done" else [f"a check could not be made: {told.what}"]))
    crowd.tally.wrong(*checks.ledger(crowd.service, crowd.tally.acked, letters, crowd.clock.now))


def _sweep_all(crowd: Crowd, hand: Hand) -> None:
    """Sweep and post until there is nothing left to do."""
    for _ in range(500):
        told = [hand.ask(Order(do, crowd.clock.now)) for do in ("sweep", "post")]
        if all(t.how == "done" and t.what == 0 for t in told):
            return
        for t in told:
            if t.how == "broken":
                crowd.tally.wrong(str(t.what))
    crowd.tally.wrong("sweeping never came to an end")


def _schedule(crowd: Crowd, hand: Hand, over: threading.Event, number: int) -> None:
    """One scheduler: it sweeps and posts again and again, and is killed at it now and then."""
    chance = random.Random(f"{crowd.seed}-scheduler-{number}")
    while not over.is_set():
        fault = None
        with suppress(IndexError):
            kind = crowd.killed_schedulers.pop()
            fault = drawn(chance.choice(DEATHS), chance)
        # One posts: letters leave at least once, and three at it would only show that each leaves three times.
        do = "sweep" if number else chance.choice(("sweep", "post"))
        told = hand.ask(Order(do, crowd.clock.now, fault=fault))
        if fault is not None and told.what == "killed":
            crowd.tally.count(crowd.tally.struck, kind)
        elif fault is not None:
            crowd.killed_schedulers.append(kind)
        if told.how == "broken":
            crowd.tally.wrong(str(told.what))
        over.wait(chance.uniform(0.02, 0.2))
