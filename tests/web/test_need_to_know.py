"""Two worlds that differ only in what one organisation did look the same to another: every page, file, code and letter.

The real process is played to where two organisations are at work on their reviews. In the busy world the police secure
their records, write, sign and are tested; in the quiet world nothing is heard of them, so they are chased and are late.
What others send and depart from is held by tests/core/test_narrowing.py.
"""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, select

import visibility
from conftest import SteppedClock
from service.app import create_app
from service.core.stories import texts_of, told
from service.runtime.entering import token_hash
from service.runtime.practice import add_accounts, load_case
from service.settings import Settings
from service.store import people
from service.store.tables import outbox, process_instance, record, session, user_task
from service.store.transaction import reading, transaction
from visitor import Visitor

ROOT = Path(__file__).parents[2]
FILES = {
    p.relative_to(ROOT).as_posix(): p.read_text()
    for folder in ("processes", "forms") for p in sorted((ROOT / folder).rglob("*")) if p.is_file()
}  # fmt: skip
NUMBERS = count(1)
BUSY, READER = "police", "gp_practice"
CODE = re.compile(r"DHR-\d{4}-\d{3}")
OPAQUE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{32}\b|\b[0-9a-f]{64}\b")
FRESH = re.compile(
    r"""(?:csrf_token"[^>]*value=|nonce=|name="key"[^>]*value=)"[^"]*"|'nonce-[^']*'|[0-9A-F]{4}-[0-9A-F]{4}(?=</strong>)"""
)
LINK = re.compile(r'href="(/[^"#]*)')


@dataclass
class World:
    """One site, and a person of it as a browser."""

    app: Flask
    service: Any

    def visit(self, account: str) -> Visitor:
        token, at = f"token of {account} {next(NUMBERS)}", self.service.clock()
        row = {"token_hash": token_hash(token), "account_id": account, "started_at": at, "seen_at": at, "second_at": at}
        with transaction(self.service.store) as db:
            db.execute(insert(session).values(row))
        visitor = Visitor(self.app)
        visitor.client.set_cookie("signed_in", token)
        return visitor


def story(*, busy: bool) -> dict[str, Any]:
    """The whole review up to its release, with or without what the police did once agencies are at work."""
    texts = texts_of(FILES)
    whole = told(texts["whole-review"], texts)
    steps, at_work = [], False
    for step in whole["steps"]:
        if step.get("task") == "merge_chronology":
            break
        at_work = at_work or step.get("task") == "confirm_secured"
        if at_work and not busy and (BUSY in str(step.get("as", "")) or step.get("item") == BUSY):
            continue
        steps.append(step)
    return {**whole, "steps": steps, "practice": {}}


@pytest.fixture(scope="module")
def deployed(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deployed")
    shutil.copy(sqlite_template, folder / "cases.db")
    world = opened(folder)
    world.service.deployments.deploy(None, FILES, "First version")
    add_accounts(world.service)
    close(world)
    return folder / "cases.db"


def opened(folder: Path) -> World:
    clock = SteppedClock(datetime(2014, 4, 1, 9, 0, tzinfo=UTC))
    app = create_app(Settings(practice=True, data_folder=folder), clock=clock, mailer=lambda letter: None)
    return World(app, app.extensions["service"])


def close(world: World) -> None:
    world.service.store.writers.dispose()
    world.service.store.readers.dispose()


@pytest.fixture(scope="module")
def worlds(deployed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, World]]:
    """The busy world and the quiet one."""
    made = []
    for busy in (True, False):
        folder = tmp_path_factory.mktemp("busy" if busy else "quiet")
        shutil.copy(deployed, folder / "cases.db")
        world = opened(folder)
        loaded = load_case(world.service, story(busy=busy))
        assert loaded.code is not None, loaded.problem
        made.append((world, loaded.problem))
    (busy_world, stopped), (quiet_world, _) = made
    assert stopped is None, stopped
    yield busy_world, quiet_world
    close(busy_world)
    close(quiet_world)


def plain(text: str) -> str:
    """A page without what is fresh each time; opaque ids by the order they appear in."""
    known: dict[str, str] = {}
    text = FRESH.sub("fresh", text)
    return OPAQUE.sub(lambda found: known.setdefault(found[0], f"id{len(known)}"), text)


def crawl(world: World, account: str) -> list[tuple[str, int, str, str]]:
    """Every page that can be reached by links: address, code, headers and text, ids plain."""
    visitor = world.visit(account)
    waiting, seen, found = ["/cases", "/tasks", "/tasks?list=groups", "/tasks?list=done"], set(), []
    while waiting:
        address = waiting.pop(0)
        if address in seen or address.startswith(("/static", "/sign")):
            continue
        seen.add(address)
        answer = visitor.client.get(address)
        text = answer.get_data(as_text=True)
        headers = "\n".join(f"{k}: {v}" for k, v in answer.headers if k not in {"Set-Cookie", "Date", "Content-Length"})
        found.append((plain(address), answer.status_code, plain(headers), plain(text)))
        waiting += [link.replace("&amp;", "&") for link in LINK.findall(text)]
        for code in CODE.findall(address):
            waiting += [f"/cases/{code}/history.json", f"/cases/{code}/history?step=1", f"/cases/{code}/hold"]
    return found


def test_no_page_tells_an_organisation_what_another_did(worlds):
    busy, quiet = (crawl(world, READER) for world in worlds)
    for one, other in zip(busy, quiet, strict=False):
        lines = zip("\n".join(map(str, one)).splitlines(), "\n".join(map(str, other)).splitlines(), strict=False)
        assert one == other, f"{one[0]} differs: {next((pair for pair in lines if pair[0] != pair[1]), 'in length')}"
    assert len(busy) == len(quiet)
    assert len(busy) > 20, "nothing was looked at"
    assert any("Draw up the chronology" in page[3] or "management review" in page[3] for page in busy)


def test_no_letter_tells_an_organisation_what_another_did(worlds):
    def letters(world: World) -> list[tuple[str, str, str]]:
        wanted = select(outbox.c.kind, outbox.c.subject, outbox.c.body).where(outbox.c.recipient == READER)
        with reading(world.service.store) as db:
            return [tuple(row) for row in db.execute(wanted.order_by(outbox.c.created_at, outbox.c.subject))]

    busy, quiet = map(letters, worlds)
    assert busy == quiet
    assert busy


def test_what_belongs_to_another_organisation_is_not_found_as_if_it_were_not_there(worlds):
    busy, _ = worlds
    with reading(busy.service.store) as db:
        tasks = list(db.execute(select(user_task.c.id).where(user_task.c.agency == BUSY)).scalars())
        records = list(db.execute(select(record.c.id).where(record.c.agency == BUSY)).scalars())
    visitor = busy.visit(f"{READER}")
    code = CODE.search(visitor.client.get("/cases").get_data(as_text=True))[0]
    assert tasks
    assert records
    nothing = visitor.client.get(f"/cases/{code}/records/{'0' * 32}")
    for address in (
        *(f"/tasks/{t}" for t in tasks), *(f"/tasks/{t}/people" for t in tasks),
        *(f"/cases/{code}/records/{r}" for r in records),
    ):  # fmt: skip
        answer = visitor.client.get(address)
        assert answer.status_code == 404, address
    one = visitor.client.get(f"/cases/{code}/records/{records[0]}")
    assert plain(one.get_data(as_text=True)) == plain(nothing.get_data(as_text=True))


def test_everybody_reads_of_a_played_case_what_the_table_of_visibility_says(worlds):
    busy, _ = worlds
    cells = visibility.cells()
    checked = 0
    with reading(busy.service.store) as db:
        definition = busy.service.definitions.current(db)
        (case_id,) = db.execute(select(process_instance.c.id)).scalars()
        kept = list(db.execute(select(record)))
        done = frozenset((r.element_id, r.agency) for r in db.execute(select(user_task)) if r.outcome == "completed")
        for account in people.practice_accounts(db):
            person = people.actor(db, account.id, busy.service.clock())
            reached = people.as_in(db, person, case_id).memberships
            wanted = {
                row.id for row in kept for m in reached
                if row.author == account.id or visibility.allows(
                    cells.get((row.access, m.role), "-"), owner=row.agency, mine=m.agency, passed=done,
                    of_agency=definition.roles[m.role]["scope"] == "agency",
                )
            }  # fmt: skip
            found = {row.id for row in people.records(db, definition, person, case_id)}
            assert found == wanted, account.id
            checked += len(found)
    assert checked > 100
