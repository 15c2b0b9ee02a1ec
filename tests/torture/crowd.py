"""People who get their work done whatever fails: they ask again until they are answered, twice or against each other.

A person who got no answer sends the same request with the same key, as a browser does; a person who is refused looks
at the case again.
"""

import random
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import insert, select
from sqlalchemy.exc import DBAPIError

from service.runtime.service import Service
from service.store.tables import account, membership, partnership, process_instance, user_task
from service.store.transaction import transaction
from torture.databases import Database
from torture.definition import BODIES
from torture.faults import INSIDE, SQLITE_ONLY, drawn
from torture.fleet import Fleet
from torture.hands import Order, Told
from torture.tally import Plan, Tally

ANSWERS = {"TaskClosed", "TaskHeld", "NothingToDo"}
CLERKS = ("ann", "bob")
TRIES = 400


def staff(service: Service, at: datetime, bodies: Iterable[str] = BODIES) -> None:
    """Two clerks, and two officers of each body."""
    roles = dict.fromkeys(CLERKS, ("clerk", None))
    roles |= {f"{body}-{n}": ("officer", body) for body in bodies for n in (1, 2)}
    with transaction(service.store) as db:
        db.execute(insert(partnership).values(id="p", name="Partnership"))
        for name, (role, agency) in roles.items():
            row = {"id": name, "email": f"{name}@example.invalid", "name": name, "password_hash": "x"}
            db.execute(insert(account).values(practice=False, **row))
            db.execute(insert(membership).values(
                id=name, account_id=name, partnership_id="p", role=role, agency=agency, granted_by="x", reason="x",
                from_at=at - timedelta(days=3650),  # a clock may be set back
            ))  # fmt: skip


@dataclass
class WorldClock:
    """The time as most machines have it. It passes a little with every request and jumps when told to."""

    chance: random.Random
    now: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tick(self) -> datetime:
        """The present, a little later than the last."""
        with self.lock:
            self.now += timedelta(seconds=self.chance.randint(1, 400))
            if self.chance.random() < 0.02:
                self.now += timedelta(days=self.chance.randint(1, 4))
            return self.now

    def jump(self, **amount: float) -> datetime:
        """The present after a while."""
        with self.lock:
            self.now += timedelta(**amount)
            return self.now


@dataclass
class Crowd:
    """Everybody at work on one database."""

    database: Database
    service: Service
    fleet: Fleet
    clock: WorldClock
    plan: Plan
    tally: Tally
    seed: int
    killed_schedulers: list[str] = field(default_factory=list)

    def story(self, number: int) -> str | None:
        """Begin a case and do what waits in it, until it ends or only waits for time; its id."""
        chance = random.Random(f"{self.seed}-{number}")
        kind = chance.choices(("round", "short", "timed"), (5, 3, 2))[0]
        begin = Order("start", self.clock.now, CLERKS[0], "begin", {"kind": kind}, f"case {number}")
        done = self.insist(begin, chance)
        if done.how != "done":
            self.tally.wrong(f"case {number} could not be begun: {done.what}")
            return None
        instance_id = str(done.what["instance_id"])
        self.go_on(instance_id, chance, leave_timed=chance.random() < 0.6)
        return instance_id

    def go_on(self, instance_id: str, chance: random.Random, *, leave_timed: bool = False) -> None:
        """Do what waits in a case until nothing does."""
        for turn in range(TRIES):
            waiting = self._open(instance_id)
            if leave_timed:
                waiting = [t for t in waiting if t[1] != "work"]
            if not waiting:
                return
            self._do(instance_id, turn, *chance.choice(waiting), chance)
        self.tally.wrong(f"case {instance_id} never came to an end")

    def _do(
        self, instance_id: str, turn: int, task_id: str, element: str, item: str | None, chance: random.Random
    ) -> None:
        people = (f"{item}-1", f"{item}-2") if element == "answer" else CLERKS
        who, rival = chance.sample(people, 2)
        key = f"{instance_id[:12]} {task_id[-12:]} {turn}"
        said = {"note": f"note {turn}"}
        if element == "answer":
            said = {"narrative": f"{item} knew {task_id[-6:]}", "finding": f"{item} found {turn}"}
        order = Order("complete", self.clock.now, who, task_id, said, key)
        match chance.random():
            case p if p < 0.05:
                self._ask_first(replace(order, do="claim", key=f"{key} claim", answers={}), chance)
            case p if p < 0.12:
                self._at_once([order, order], "double click", chance)
                return
            case p if p < 0.19:
                self._at_once([order, replace(order, who=rival, key=f"{key} rival")], "rivals", chance)
                return
        self.insist(order, chance)

    def _ask_first(self, claim: Order, chance: random.Random) -> None:
        self.insist(claim, chance)
        if chance.random() < 0.4:
            self.insist(replace(claim, do="release", key=claim.key.replace("claim", "release")), chance)

    def _at_once(self, orders: list[Order], race: str, chance: random.Random) -> None:
        """Send requests within the same few milliseconds; at most one has an effect."""
        faults = [random.Random(chance.random()) for _ in orders]
        with ThreadPoolExecutor(len(orders)) as pool:
            told = list(pool.map(self.insist, orders, faults))
        self.tally.count(self.tally.races, race)
        effects = {t.what["seq"] for t in told if t.how == "done"}
        if len(effects) > 1:
            self.tally.wrong(f"{race} on task {orders[0].about}: {len(effects)} effects, steps {sorted(effects)}")

    def insist(self, order: Order, chance: random.Random) -> Told:
        """Ask until there is an answer."""
        for attempt in range(TRIES):
            kind = self.plan.next(self.tally.completions) if attempt == 0 else None
            told = self._once(replace(order, at=self.clock.tick()), kind, chance)
            if told.how != "failed":
                return self._answered(order, told)
            with self.tally.lock:
                self.tally.retries += 1
                self.tally.failures[str(told.what).partition("(")[0][:60]] += 1
            time.sleep(min(0.01 * attempt, 0.3))
        self.tally.wrong(f"{order.do} {order.about} got no answer in {TRIES} tries")
        return Told("broken")

    def _answered(self, order: Order, told: Told) -> Told:
        if told.how == "done":
            self.tally.acknowledged(order.who, order.key, told.what, completion=order.do == "complete")
        elif told.how == "refused" and told.what in ANSWERS:
            self.tally.count(self.tally.conflicts, told.what)
        else:
            self.tally.wrong(f"{order.do} {order.about} by {order.who}: {told.what}")
        return told

    def _once(self, order: Order, kind: str | None, chance: random.Random) -> Told:
        if kind is None:
            return self.fleet.ask(order)
        if kind in INSIDE or kind in SQLITE_ONLY:
            return self._inside(order, kind, chance)
        if kind.startswith("clock"):
            days = chance.uniform(0.01, 40) if kind == "clock ahead" else -chance.uniform(0.01, 400)
            self.tally.count(self.tally.struck, kind)
            return self.fleet.ask(replace(order, at=order.at + timedelta(days=days)))
        if kind == "scheduler killed":
            self.killed_schedulers.append(kind)  # the next sweep takes it
            return self.fleet.ask(order)
        outside = threading.Thread(target=self._outside, args=(kind, chance.uniform(0, 0.02)))
        outside.start()
        told = self.fleet.ask(order)
        outside.join()
        return told

    def _inside(self, order: Order, kind: str, chance: random.Random) -> Told:
        told = self.fleet.ask(replace(order, fault=drawn(kind, chance)))
        if told.how == "failed":
            self.tally.count(self.tally.struck, kind)
        else:
            self.plan.again(kind)
        return told

    def _outside(self, kind: str, after: float) -> None:
        acts: dict[str, Callable[[], object]] = {
            "all processes killed": self.fleet.kill,
            "lock held": lambda: self.database.hold_a_lock(self.service.store, 0.3),
            "connections ended": self.database.end_backends,
            "database restarted": self.database.restart,
        }
        time.sleep(after)
        try:
            acts[kind]()
            self.tally.count(self.tally.struck, kind)
        except DBAPIError:
            self.plan.again(kind)

    def _open(self, instance_id: str) -> list[tuple[str, str, str | None]]:
        wanted = (
            select(user_task.c.id, user_task.c.element_id, user_task.c.item)
            .join(process_instance, process_instance.c.id == user_task.c.instance_id)
            .where(user_task.c.instance_id == instance_id, user_task.c.closed_at.is_(None))
            .order_by(user_task.c.id)
        )
        for _ in range(TRIES):
            try:
                with self.service.read() as db:
                    return [(str(r[0]), str(r[1]), r[2]) for r in db.execute(wanted)]
            except DBAPIError:  # the database is being restarted
                time.sleep(0.1)
        raise AssertionError("the database never came back")
