"""People at browsers while the server is killed under them: the same form is sent again until a page comes back."""

import http.client
import json
import random
import re
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import unescape
from urllib.parse import urlencode

from sqlalchemy import insert, select

from service.runtime.entering import token_hash
from service.store.tables import account, request, session
from service.store.transaction import transaction
from torture.crowd import CLERKS, TRIES, Crowd
from torture.serving import Server

HIDDEN = re.compile(r'<input[^>]*type="hidden"[^>]*>')
PART = re.compile(r'(name|value)="([^"]*)"')


@dataclass
class Browser:
    """One person's browser: cookies, and no more patience than people have."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, fields: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Status and text of one answer. OSError or HTTPException when none came."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        body = None if fields is None else urlencode(fields)
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            for cookie in answer.headers.get_all("Set-Cookie") or ():
                name, _, value = cookie.partition(";")[0].partition("=")
                self.cookies[name] = value
        finally:
            connection.close()
        return answer.status, text


@dataclass
class Visits:
    """The people of a crowd as visitors of a server."""

    crowd: Crowd
    server: Server
    browsers: dict[str, Browser] = field(default_factory=dict)

    def let_in(self) -> None:
        """Sign everybody in: a session each, as if they had given their passwords."""
        now = datetime.now(UTC)
        with transaction(self.crowd.service.store) as db:
            for name in db.execute(select(account.c.id)).scalars().all():
                row = {"token_hash": token_hash(f"token-of-{name}"), "account_id": name}
                db.execute(insert(session).values(started_at=now, seen_at=now, second_at=now, **row))
                self.browsers[name] = Browser(self.server.port, {"__Host-signed_in": f"token-of-{name}"})

    def story(self, number: int) -> None:
        """Begin a case and bring it to its end, page by page."""
        chance = random.Random(f"{self.crowd.seed}-visit-{number}")
        kind = chance.choice(("round", "short"))
        instance_id = self._send(CLERKS[0], "/cases/start/begin", {"kind": kind}, completion=False)
        for turn in range(TRIES):
            waiting = self.crowd._open(instance_id) if instance_id else []
            if not waiting:
                return
            task_id, element, item = chance.choice(waiting)
            said = {"note": f"note {turn}"}
            if element == "answer":
                said = {"narrative": f"{item} knew {task_id[-6:]}", "finding": f"{item} found {turn}"}
            who = chance.choice((f"{item}-1", f"{item}-2") if element == "answer" else CLERKS)
            self._send(who, f"/tasks/{task_id}", said, completion=True)

    def _send(self, who: str, path: str, said: Mapping[str, str], *, completion: bool) -> str | None:
        """Open a page and send its form; the case it was about, or ``None`` when it was refused."""
        tally = self.crowd.tally
        status, page = self._until_answered(who, "GET", path, None)
        if status == 409 or "is already closed" in page:
            tally.count(tally.conflicts, "TaskClosed")
            return None
        # Cookies are per browser and two threads may be one person: the page's own token belongs to its session.
        fields = {**_hidden(page), **said, "_action": "save"}
        if "key" not in fields:
            tally.wrong(f"{who} opened {path} and got no form: {status}")
            return None
        status, page = self._until_answered(who, "POST", path, fields)
        if status == 409:
            tally.count(tally.conflicts, "TaskClosed")
            return None
        return self._kept(who, fields["key"], completion=completion) if status == 303 else self._odd(path, status, page)

    def _odd(self, path: str, status: int, page: str) -> None:
        words = " ".join(re.sub(r"<[^>]+>", " ", page.partition("<main")[2]).split())
        self.crowd.tally.wrong(f"{path} was answered with {status}: {words[:300]}")

    def _kept(self, who: str, key: str, *, completion: bool) -> str | None:
        wanted = select(request.c.answer).where(request.c.account_id == who, request.c.key == key)
        answer = None
        for _ in range(TRIES):
            with suppress(Exception):  # the database is being restarted
                with self.crowd.service.read() as db:
                    answer = db.execute(wanted).scalar_one_or_none()
                break
            time.sleep(0.1)
        if answer is None:
            self.crowd.tally.wrong(f"{who} was told that {key} is done, and it is gone")
            return None
        done = json.loads(answer)
        self.crowd.tally.acknowledged(who, key, done, completion=completion)
        return str(done["instance_id"])

    def _until_answered(self, who: str, method: str, path: str, fields: Mapping[str, str] | None) -> tuple[int, str]:
        for attempt in range(TRIES):
            try:
                status, page = self.browsers[who].ask(method, path, fields)
            except (OSError, http.client.HTTPException):
                status, page = 0, ""
            if 0 < status < 500:
                return status, page
            self.crowd.tally.count(self.crowd.tally.failures, f"status {status}")
            with self.crowd.tally.lock:
                self.crowd.tally.retries += 1
            time.sleep(min(0.05 * (attempt + 1), 0.5))
        return 0, "no answer"


def _hidden(page: str) -> dict[str, str]:
    """The hidden fields of the page's form that carries a key."""
    for form in page.split("<form")[1:]:
        found = [dict(PART.findall(tag)) for tag in HIDDEN.findall(form.partition("</form>")[0])]
        fields = {f["name"]: unescape(f.get("value", "")) for f in found if "name" in f}
        if "key" in fields and "_asked" in fields:
            return fields
    return {}


def visit(crowd: Crowd, completions: int, kills: int, people: int = 3) -> None:
    """Serve ``completions`` by pages while ``kills`` strike: the whole server, a web process, the database."""
    server = Server(crowd.database.url, crowd.database.folder)
    visits = Visits(crowd, server)
    server.start()
    visits.let_in()
    for name in visits.browsers:  # so that two windows of one person share the token of one session
        visits._until_answered(name, "GET", "/tasks", None)
    done, over = crowd.tally.completions, threading.Event()
    killing = threading.Thread(target=_kill, args=(crowd, server, done, completions, kills, over))
    killing.start()
    try:
        with ThreadPoolExecutor(people) as pool:
            for first in range(0, 100_000, people * 2):
                list(pool.map(visits.story, range(first, first + people * 2)))
                if crowd.tally.completions - done >= completions or crowd.tally.violations:
                    break
    finally:
        over.set()
        killing.join()
        server.kill()


def _kill(crowd: Crowd, server: Server, before: int, completions: int, kills: int, over: threading.Event) -> None:
    chance = random.Random(f"{crowd.seed}-kills")
    kinds = ["server killed", "web process killed", "web process killed"]
    kinds += ["database restarted"] if crowd.database.server is not None else []
    for number in range(kills):
        while crowd.tally.completions - before < completions * (number + 0.5) / kills:
            if over.wait(0.02):
                return
        time.sleep(chance.uniform(0, 0.1))
        kind = kinds[number % len(kinds)]
        if kind == "server killed":
            server.kill()
            server.start()
        elif kind == "database restarted":
            crowd.database.restart()
        elif not server.kill_a_web_process():
            continue
        crowd.tally.count(crowd.tally.struck, kind)
