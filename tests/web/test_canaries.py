"""Whatever people write stays where it was written: not in logs, letters, addresses, incidents or others' pages.

Every text, password and reason of this story holds a word that occurs nowhere else, a canary; all logs are on, down to
the engine's own, and written as in production.
"""

import io
import logging
from collections.abc import Iterator
from email.message import EmailMessage
from itertools import count

import pytest
from sqlalchemy import select
from structlog.stdlib import ProcessorFormatter

from departing import files
from service.app import create_app
from service.runtime import logs
from service.runtime.practice import add_accounts
from service.settings import Settings
from service.store import tables
from service.store.transaction import reading
from web.conftest import PracticeSite, a_day, close

WORD = "canarybird"
NUMBERS = count(1)


def canary() -> str:
    """A word that is written once; thirty characters, as reasons must have."""
    return f"{WORD}{next(NUMBERS):03} sang in its cage all day long"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, at every level, in the form of production."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    logs.configure()
    written = io.StringIO()
    [ours] = [one for one in root.handlers if isinstance(one.formatter, ProcessorFormatter)]
    ours.setStream(written)
    root.setLevel(logging.DEBUG)
    yield written
    root.handlers[:] = before
    root.setLevel(level)


class Story:
    """A site whose letters, addresses and pages are kept, to be looked through at the end."""

    def __init__(self, settings: Settings, clock) -> None:
        self.letters: list[EmailMessage] = []
        app = create_app(settings, clock=clock, mailer=self.letters.append)
        self.site = PracticeSite(app, app.extensions["service"], clock)
        self.site.service.deployments.deploy(None, failing(), "First version")
        add_accounts(self.site.service)
        self.addresses: list[str] = []
        app.after_request(self._look)

    def _look(self, answer):
        self.addresses.append(answer.headers.get("Location", ""))
        return answer

    def play(self) -> str:
        """From a sign-in that fails to a step that cannot be finished; the case's code."""
        site = self.site
        stranger = site.visit()
        page = stranger.get("/sign-in")
        stranger.send(page, "/sign-in", status=422, email=f"{WORD}@x.invalid", password=canary())
        clerk, start = site.visit("clerk"), "/cases/start/application_received"
        wrong = {"address": canary(), "work": canary(), **a_day("received_on", 31, 2, 2013)}
        page = clerk.send(clerk.get(start), start, status=422, **wrong)
        case = clerk.send(page, start, **{**wrong, "work": "felling", "received_on-day": "28"})
        code = case.heading
        task = clerk.get("/tasks?list=groups").link("Check the application")
        clerk.send(clerk.get(task), task, _action="draft", complete="no", notes=canary())
        short = {"complete": "yes", "notes": WORD[:4]}
        asked = clerk.send(clerk.get(task), task, status=422, **short)
        said = {"departure.unseen.reasons": canary(), "departure.unseen.effect": canary()}
        clerk.send(asked, task, **short, **said, **a_day("departure.unseen.until", 1, 7, 2013))
        officer = site.visit("officer")
        judged = f"/cases/{code}/departures/1"
        officer.send(officer.get(judged), judged, what="object", reason=canary())
        tell = officer.get(f"/cases/{code}").link("Allow more time")
        later = {"reason": canary(), **a_day("extended_to", 10, 7, 2013)}
        told = {"departure.unapproved.reasons": canary(), "departure.unapproved.effect": canary()}
        asked = officer.send(officer.get(tell), tell, status=422, **later)
        officer.send(asked, tell, **later, **told, **a_day("departure.unapproved.until", 1, 7, 2013))
        hold = f"/cases/{code}/hold"
        clerk.send(clerk.get(hold), hold, what="suspend", reason=canary())
        clerk.send(clerk.get(hold), hold, what="resume", reason=canary())
        site.clock.to("2013-07-01T09:00")
        site.service.sweeper.sweep()
        site.service.sweeper.post()
        self.fails(site.visit("officer"))
        return code

    def fails(self, officer) -> None:
        """A step that cannot be finished, and what was sent with it."""
        task = officer.get("/tasks?list=groups").link("Decide the application")
        officer.send(officer.get(task), task, status=500, decision="refuse", reasons=canary())


def failing() -> dict[str, str]:
    """The definition with a gateway that fails on one of the answers."""
    found = files()
    named = "processes/application.bpmn"
    broken = 'decision == ["grant"][1 if decision == "refuse" else 0]'
    return {**found, named: found[named].replace('decision == "grant"', broken)}


def test_no_word_that_somebody_wrote_is_anywhere_else(sqlite_url, tmp_path, clock, log):
    story = Story(Settings(practice=True, database_url=sqlite_url, data_folder=tmp_path), clock)
    code = story.play()
    site = story.site
    assert story.letters, "somebody was reminded"
    elsewhere = {
        "letters": "".join(bytes(letter).decode() for letter in story.letters),
        "addresses": "".join(story.addresses),
    }
    with reading(site.service.store) as db:
        for name in ("incident", "outbox", "step", "user_task", "clock", "departure", "timer_job", "request"):
            kept = db.execute(select(tables.metadata.tables[name])).all()
            elsewhere[name] = "".join(map(repr, kept))
        assert WORD in "".join(map(repr, db.execute(select(tables.record)))), "it was written at all"
    for who in ("process_owner", "operator"):
        visitor = site.visit(who)
        for path in ("/tasks", "/cases", "/incidents", f"/cases/{code}/history"):
            elsewhere[f"{who} {path}"] = visitor.client.get(path, follow_redirects=True).text
    elsewhere["logs"] = log.getvalue()
    assert "A step could not be finished" in elsewhere["logs"]
    assert code in elsewhere["letters"]
    assert elsewhere["incident"]
    found = {place: text.find(WORD) for place, text in elsewhere.items() if WORD in text}
    assert {place: elsewhere[place][max(0, at - 200) : at + 60] for place, at in found.items()} == {}
    close(site)
