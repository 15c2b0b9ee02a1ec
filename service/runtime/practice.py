"""A practice site's accounts and cases: invented people named by their roles, cases played from scenarios.

Repeating it adds only what is missing; an interrupted case is continued where it stopped. Every step of a practice
case goes through the same handler as a person's.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, insert, select

from service.core.access import Actor
from service.core.calendar import LONDON
from service.core.definitions import ProcessDefinition
from service.core.errors import Defect, NotFound, NothingToDo, Rejection
from service.core.playing import judged_with
from service.core.scenario_reading import instant, without_lines
from service.core.stories import read_once, texts_of, told
from service.runtime import passwords
from service.runtime.handler import Handler
from service.runtime.present import ahead
from service.runtime.service import Service
from service.store import people
from service.store.tables import account, membership, partnership, process_instance, request, user_task
from service.store.transaction import reading, transaction

PASSWORD = "practice"  # noqa: S105 - printed on the sign-in page of a practice site
PARTNERSHIP = "practice"
ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?)?")
DAYS_OF_A_YEAR = 365.2425


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was done with one practice case: its name, its code if it has begun, and what stopped it, if anything."""

    name: str
    code: str | None
    problem: str | None = None


def add_accounts(service: Service) -> int:
    """Add the accounts of a practice site and return how many were missing."""
    with reading(service.store) as db:
        definition = service.definitions.current(db)
        missing = [a for a in _accounts(definition) if people.account_by_email(db, a[1]) is None]
    if not missing:
        return 0
    hashed = passwords.hash_of(PASSWORD)
    with transaction(service.store) as db:
        at = service.clock() - timedelta(days=36_500)  # practice cases may lie far back
        if db.execute(select(partnership.c.id).where(partnership.c.id == PARTNERSHIP)).one_or_none() is None:
            name = definition.deployment.get("organisation", "Practice partnership")
            db.execute(insert(partnership).values(id=PARTNERSHIP, name=name))
        for name, email, roles in missing:
            _add(db, name, email, roles, hashed, at)
    return len(missing)


def _accounts(definition: ProcessDefinition) -> list[tuple[str, str, list[tuple[str, str | None]]]]:
    """Name, e-mail address and roles: one person for each role of the partnership, one for each agency."""
    of_agency = [r for r in definition.roles if definition.roles[r].get("scope") == "agency"]
    found: list[tuple[str, str, list[tuple[str, str | None]]]] = [
        (definition.roles[r]["name"], f"{r}@practice.invalid", [(r, None)])
        for r in definition.roles
        if r not in of_agency
    ]
    for agency in definition.directories["agencies"] if of_agency else []:
        email = f"{agency['id']}@practice.invalid"
        found.append((f"{agency['name']} staff", email, [(r, agency["id"]) for r in of_agency]))
    return found


def _add(db: Connection, name: str, email: str, roles: list[tuple[str, str | None]], hashed: str, at: datetime) -> None:
    account_id = email.split("@", maxsplit=1)[0]
    db.execute(insert(account).values(id=account_id, email=email, name=name, password_hash=hashed, practice=True))
    for role, agency in roles:
        db.execute(insert(membership).values(
            id=f"{account_id}-{role}", account_id=account_id, partnership_id=PARTNERSHIP, role=role, agency=agency,
            granted_by="installation", reason="Practice account", from_at=at,
        ))  # fmt: skip


def scenarios(definition: ProcessDefinition) -> list[dict[str, Any]]:
    """The scenarios a practice site is filled with."""
    texts = texts_of(definition.files)
    return [told(text, texts) for text in texts.values() if read_once(text).get("practice")]


def load_case(service: Service, scenario: Mapping[str, Any]) -> Loaded:
    """Play one practice scenario into the store, its days moved so that its ``today`` is the present day."""
    name = str(scenario["name"])
    played = _Playing(service, name)
    shift = played.shift_of(scenario)
    try:
        played.start(scenario["start"], shift)
        for number, step in enumerate(scenario.get("steps") or []):
            if "refused" not in step and "expect" not in step:
                played.step(number, step, shift)
    except (Rejection, Defect) as stopped:
        return Loaded(name, played.code, str(stopped))
    return Loaded(name, played.code)


class _Playing:
    """One scenario on its way into the store, with a clock of its own."""

    def __init__(self, service: Service, name: str) -> None:
        self.service = service
        self.name = name
        self.at = service.clock()
        with reading(service.store) as db:
            self.ahead = ahead(db)
        self.handler: Handler = replace(service.handler, clock=lambda: self.at - self.ahead)
        self.instance_id = ""
        self.code: str | None = None

    def shift_of(self, scenario: Mapping[str, Any]) -> timedelta:
        """How many days the scenario is moved: as far as its case was, if it has begun, else up to today."""
        begun = instant(scenario["start"]["at"]).date()
        with reading(self.service.store) as db:
            joined = request.join(process_instance, process_instance.c.started_at == request.c.at)
            wanted = (
                select(process_instance.c.started_at).select_from(joined).where(request.c.key == self._key("start"))
            )
            earlier = db.execute(wanted).scalar()
        if earlier is not None:
            return timedelta(days=(earlier.astimezone(LONDON).date() - begun).days)
        today = scenario["practice"].get("today", begun)
        days = (self.service.clock().date() - today).days
        if scenario["practice"].get("whole_years"):  # the same day of the year, so that its months are as long
            return begun.replace(year=begun.year + int(days / DAYS_OF_A_YEAR)) - begun
        return timedelta(days=days)

    def start(self, start: Mapping[str, Any], shift: timedelta) -> None:
        """Start the case."""
        self.at = instant(start["at"]) + shift
        data = _moved(without_lines(start.get("data") or {}), shift)
        who = self._actor(str(start["as"]))
        begin = partial(self.handler.start, who, str(start["message"]), data, self._key("start"), confirmed=True)
        done = judged_with(begin, _departs(start, shift))
        self.instance_id, self.code = done.instance_id, done.code

    def step(self, number: int, step: Mapping[str, Any], shift: timedelta) -> None:
        """Take one step of the scenario."""
        if self._answered(number):
            return
        self.at = instant(step.get("until", step.get("at"))) + shift
        if self._something_is_due():
            with suppress(NothingToDo):
                self.handler.fire_timers(self.instance_id)
        if "until" in step:
            return
        data, key = _moved(without_lines(step.get("data") or {}), shift), self._key(str(number))
        who = self._actor(str(step["as"]))
        if "approves" in step or "objects" in step:
            self._judge_departure(step, who, key)
            return
        if "message" in step:
            send = partial(self.handler.send, who, self.instance_id, str(step["message"]), data, key)
            take = partial(send, item=step.get("item"), confirmed=True)
        else:
            take = partial(self.handler.complete, who, self._task(step, who), data, key, confirmed=True)
        judged_with(take, _departs(step, shift))

    def _something_is_due(self) -> bool:
        with reading(self.service.store) as db:
            wanted = select(process_instance.c.next_due).where(process_instance.c.id == self.instance_id)
            due = db.execute(wanted).scalar()
        return due is not None and due <= self.handler.clock()

    def _judge_departure(self, step: Mapping[str, Any], who: Actor, key: str) -> None:
        approved = "approves" in step
        departures = replace(self.service.departures, clock=self.handler.clock)
        reason = str(step.get("reason") or ("The reasons are clear." if approved else "The reasons are not clear."))
        number = int(step["approves" if approved else "objects"])
        departures.judge(who, str(self.code), number, reason, key, approved=approved)

    def _key(self, part: str) -> str:
        return f"practice {self.name} {part}"[:64]

    def _answered(self, number: int) -> bool:
        with reading(self.service.store) as db:
            found = db.execute(select(request.c.key).where(request.c.key == self._key(str(number)))).first()
        return found is not None

    def _task(self, step: Mapping[str, Any], who: Actor) -> str:
        of_case = (
            user_task.c.instance_id == self.instance_id, user_task.c.element_id == str(step["task"]),
            user_task.c.closed_at.is_(None),
        )  # fmt: skip
        item = (user_task.c.item == str(step["item"]),) if step.get("item") is not None else ()
        agencies = {m.agency for m in who.memberships if m.agency}
        with reading(self.service.store) as db:
            rows = list(db.execute(select(user_task).where(*of_case, *item).order_by(user_task.c.opened_at)))
        for row in sorted(rows, key=lambda r: r.agency not in agencies):
            return str(row.id)
        raise NotFound(f"{self.name}: the task {step['task']} is not open.")

    def _actor(self, who: str) -> Actor:
        role, _, agency = who.partition("@")
        with reading(self.service.store) as db:
            for found in people.practice_accounts(db):
                if (role, agency or None) in found.roles or (not agency and role in {r for r, _ in found.roles}):
                    actor = people.actor(db, found.id, self.at)
                    if actor is not None:
                        return actor
        raise NotFound(f"{self.name}: nobody on this practice site is {who}.")


def _departs(step: Mapping[str, Any], shift: timedelta) -> Any:
    return _moved(without_lines(step["departs"] or {}), shift) if "departs" in step else None


def _moved(value: Any, shift: timedelta) -> Any:
    """The same answers with every date moved, as JSON."""
    match value:
        case dict():
            return {k: _moved(v, shift) for k, v in value.items()}
        case list():
            return [_moved(v, shift) for v in value]
        case datetime() | date():
            return (value + shift).isoformat()
        case str() if ISO_DAY.fullmatch(value):
            moved = datetime.fromisoformat(value) + shift
            return moved.isoformat(timespec="minutes") if "T" in value else moved.date().isoformat()
    return value
