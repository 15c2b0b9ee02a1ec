"""Random walks through a deployed definition: legal commands, jumps of the clock, and after each step all must agree.

The stored state equals the one that running the step again gives; the tables equal those rebuilt from the steps; the
chain holds; and a history with one thing changed in it is caught at that place. A new kind of command is one more
function in ``ACTS``.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import insert, select

from service.core import chain, commands, events, values
from service.core.access import Actor
from service.core.chain import ChainBroken, Step
from service.core.definitions import ProcessDefinition
from service.core.engine.step import step
from service.core.errors import BrokenRule, FormRefused, NothingToDo, NotWaiting, Rejection
from service.runtime.service import Service
from service.store import instances, people, queries
from service.store.tables import account, membership, partnership, user_task
from service.store.transaction import transaction
from torture.plausible import Answers
from torture.rebuilding import Second, differences, rows_of, waiting_as_stored
from torture.tampering import changed

LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)
SIDE_TRACK = 0.3


@dataclass
class Country:
    """Where walks go: a service with a definition, everybody who could be asked, and what has been seen so far."""

    service: Service
    set_clock: Callable[[datetime], None]
    chance: random.Random
    second: Second
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    tampered: int = 0
    actors: dict[str, Actor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with self.service.read() as db:
            self.definition: ProcessDefinition = self.service.definitions.current(db)
        self.answers = Answers(self.definition)
        with transaction(self.service.store) as db:
            if db.execute(select(partnership.c.id)).first() is None:
                db.execute(insert(partnership).values(id="p", name="Partnership"))

    def somebody(self, role: str | None, agency: str | None) -> Actor:
        """One of two people who hold a role, made when first needed."""
        name = f"{role}-{agency or ''}-{self.chance.randint(1, 2)}"[:60]
        if name not in self.actors:
            row = {"id": name, "email": f"{name}@example.invalid", "name": name, "password_hash": "x"}
            held = {"id": name, "account_id": name, "partnership_id": "p", "role": role, "agency": agency}
            why = {"granted_by": "x", "reason": "x", "from_at": LONG_AGO}
            with transaction(self.service.store) as db:
                db.execute(insert(account).values(practice=False, **row))
                db.execute(insert(membership).values(**held, **why))
                self.actors[name] = people.actor(db, name, datetime.now(UTC))
            self.second.db.execute(insert(account).values(practice=False, **row))
            self.second.db.execute(insert(membership).values(**held, **why))
        return self.actors[name]

    def wanted(self) -> set[tuple[str, str]]:
        """What a long walk should reach: every task of a person and every event on an edge or in between."""
        kinds = {"userTask", "manualTask", "boundaryEvent", "intermediateCatchEvent", "endEvent"}
        every = ((p.id, e) for p in self.definition.processes.values() for e in p.elements.values())
        return {(process, e.id) for process, e in every if e.kind in kinds}


@dataclass
class Walk:
    """One case on its way. ``state`` and ``steps`` are what running its history again has given so far."""

    country: Country
    now: datetime
    instance_id: str = ""
    code: str = ""
    state: bytes | None = None
    steps: list[Step] = field(default_factory=list)
    keys: int = 0

    @property
    def chance(self) -> random.Random:
        return self.country.chance

    @property
    def ended(self) -> bool:
        return bool(self.steps) and self.steps[-1].events[-1]["type"] == "InstanceEnded"

    def key(self) -> str:
        self.keys += 1
        return f"{self.instance_id or self.now.isoformat()} {self.keys} {self.chance.random()}"[:64]

    def begin(self) -> None:
        """Start the case by one of the messages that start one."""
        country, definition = self.country, self.country.definition
        starts = sorted({(m, r) for r, role in definition.roles.items() for m in role.get("starts", ())})
        often = [len(country.answers.told.get(message, ())) + 1 for message, _ in starts]
        message, role = self.chance.choices(starts, often)[0]
        who = country.somebody(role, None)
        form = definition.message_element(message).properties.get("form")
        offers = country.answers.offers(message, form, self.now, self.chance)

        def start(data: dict[str, Any]) -> None:
            done = country.service.handler.start(who, message, data, self.key(), confirmed=True)
            self.instance_id, self.code = done.instance_id, done.code

        self.country.set_clock(self.now)
        assert self.first_accepted(offers, start), f"no answer to {message} was accepted"
        self.look()

    def go(self) -> None:
        """One act of chance, then everything must agree."""
        self.now += timedelta(minutes=self.chance.randint(1, 2000))
        self.country.set_clock(self.now)
        names, weights = zip(*((act, weight) for act, weight in ACTS.items()), strict=True)
        act = self.chance.choices(names, weights)[0]
        if act(self):
            self.country.kinds[act.__name__] += 1
        self.look()

    def first_accepted(self, offers: Iterator[dict[str, Any]], send: Callable[[dict[str, Any]], Any]) -> bool:
        """Send one answer after another until the form takes one."""
        for data in offers:
            try:
                send(data)
            except FormRefused:
                continue
            except BrokenRule as refusal:
                self.country.refused[type(refusal).__name__] += 1
                continue
            except Rejection as refusal:
                self.country.refused[type(refusal).__name__] += 1
                return False
            return True
        return False

    def look(self) -> None:
        """Take every new step again, into memory and into the second database, and compare."""
        country = self.country
        with country.service.read() as db:
            new = [s for s in instances.steps_of(db, self.instance_id) if s.seq > len(self.steps)]
            stored = queries.state(db, self.instance_id)
            kept = rows_of(db, self.instance_id) if new else {}
            apart = waiting_as_stored(db, self.instance_id, stored or b"{}")
            country.second.owned(db, self.instance_id)
        assert not apart, f"{self.code}: {apart}"
        for taken in new:
            self._again(taken)
        assert stored == self.state, f"{self.code}: the stored state is not what its steps give"
        if new:
            found = differences(kept, rows_of(country.second.db, self.instance_id))
            assert not found, f"{self.code}, step {len(self.steps)}: {found}"
            assert chain.verify(self.steps) == len(self.steps)

    def _again(self, taken: Step) -> None:
        definition = self.country.definition
        assert taken.definition == definition.hash
        again = step(
            definition, self.state, commands.from_json(taken.command), instance_id=taken.instance_id, at=taken.at,
            seq=taken.seq,
        )  # fmt: skip
        told = [events.to_json(e) for e in again.events]
        assert told == list(taken.events), f"{self.code}: step {taken.seq} tells something else"
        assert values.sha256(again.state) == taken.state_hash, f"{self.code}: step {taken.seq} leaves another state"
        self.state = again.state
        self.steps.append(taken)
        self.country.second.take(definition, self.code, taken)
        for event in taken.events:
            if event["type"] in {"ElementCompleted", "UserTaskCreated", "TimerFired"}:
                self.country.seen[event["process_id"], event["element_id"]] += 1


def _open(walk: Walk) -> list[Any]:
    wanted = select(user_task).where(user_task.c.instance_id == walk.instance_id, user_task.c.closed_at.is_(None))
    with walk.country.service.read() as db:
        return list(db.execute(wanted.order_by(user_task.c.id)))


def complete(walk: Walk) -> bool:
    """Complete an open task, rather one seldom met, with an answer its form takes."""
    country, waiting = walk.country, _open(walk)
    if not waiting:
        return False
    weights = [1 / (1 + country.seen[t.process_id, t.element_id]) for t in waiting]
    task = walk.chance.choices(waiting, weights)[0]
    who = country.actors.get(task.assignee) or country.somebody(task.role, task.agency)
    offers = country.answers.offers(task.element_id, task.form, walk.now, walk.chance)
    handler = country.service.handler
    return walk.first_accepted(offers, lambda data: handler.complete(who, task.id, data, walk.key(), confirmed=True))


def claim(walk: Walk) -> bool:
    """Take a task of one's group."""
    return _simple(walk, lambda who, task: walk.country.service.handler.claim(who, task.id, walk.key()))


def release(walk: Walk) -> bool:
    """Give a task back."""
    return _simple(walk, lambda who, task: walk.country.service.handler.release(who, task.id, walk.key()))


def _simple(walk: Walk, act: Callable[[Actor, Any], object]) -> bool:
    waiting = _open(walk)
    if not waiting:
        return False
    task = walk.chance.choice(waiting)
    try:
        act(walk.country.actors.get(task.assignee) or walk.country.somebody(task.role, task.agency), task)
    except Rejection as refusal:
        walk.country.refused[type(refusal).__name__] += 1
        return False
    return True


def deliver(walk: Walk) -> bool:
    """Give the case a message it waits for, or one it does not."""
    country = walk.country
    every = {e.message for p in country.definition.processes.values() for e in p.elements.values() if e.message}
    known = sorted(n for n in every if n in country.answers.told or walk.chance.random() < SIDE_TRACK)
    if not known:
        return False
    message = walk.chance.choice(known)
    element = country.definition.message_element(message)
    who = country.somebody(element.role, None)
    offers = country.answers.offers(message, element.properties.get("form"), walk.now, walk.chance)
    send = country.service.handler.send
    try:
        return walk.first_accepted(
            offers, lambda data: send(who, walk.instance_id, message, data, walk.key(), confirmed=True)
        )
    except NotWaiting:
        return False


def pass_time(walk: Walk) -> bool:
    """Let time pass: days, or now and then a year or more, and let the scheduler find it."""
    days = walk.chance.choice((1, 3, 8, 20, 35, 60)) if walk.chance.random() < 0.95 else walk.chance.randint(300, 1200)
    walk.now += timedelta(days=days)
    walk.country.set_clock(walk.now)
    return _fire(walk)


def go_back(walk: Walk) -> bool:
    """The machine's clock is set back, and a scheduler and a person meet it so."""
    walk.country.set_clock(walk.now - timedelta(days=walk.chance.uniform(0.01, 900)))
    return complete(walk) if walk.chance.random() < 0.5 else _fire(walk)


def _fire(walk: Walk) -> bool:
    try:
        walk.country.service.handler.fire_timers(walk.instance_id)
    except NothingToDo:
        return False
    return True


def tamper(walk: Walk) -> bool:
    """Change one thing in a copy of the history: it is caught at that very place."""
    steps = list(walk.steps)
    at = walk.chance.randrange(len(steps))
    steps[at] = changed(steps[at], walk.chance)
    blamed = None
    try:
        chain.verify(steps)
    except ChainBroken as broken:
        blamed = broken.seq
    assert blamed == at + 1, f"{walk.code}: step {at + 1} was changed and step {blamed} is blamed: {steps[at]}"
    walk.country.tampered += 1
    return True


Act: TypeAlias = Callable[[Walk], bool]
ACTS: dict[Act, int] = {complete: 60, claim: 3, release: 2, deliver: 6, pass_time: 9, go_back: 3, tamper: 4}


def walk_once(country: Country, most: int, begin_at: datetime) -> Walk:
    """One walk of at most ``most`` acts."""
    walk = Walk(country, begin_at)
    walk.begin()
    for _ in range(most):
        if walk.ended:
            break
        walk.go()
    return walk
