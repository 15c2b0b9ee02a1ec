"""Who has read what: every page that shows something of a case is written down first, or is not shown."""

import re

import pytest
from sqlalchemy import insert, select, text, update

from service.core import reads
from service.core.chain import ChainBroken
from service.runtime import verifying
from service.store import readlog
from service.store.tables import read_log
from service.store.transaction import reading, transaction
from streets import Streets

OF_NOBODY = {
    "/": "leads on", "/brand.css": "a colour", "/static/<path:filename>": "files of the service itself",
    "/sign-in": "before anybody is inside", "/sign-in/code": "the same", "/sign-in/set-up": "the same",
    "/sign-in/provider": "leads to the provider", "/sign-in/provider/back": "leads on from there",
    "/invitation/<token>": "before anybody is inside", "/account": "the reader's own account",
    "/cases": "codes and where they stand, no word anybody wrote", "/cases/start": "an empty form",
    "/cases/start/<message>": "an empty form", "/history": "codes, as the list of cases",
    "/tasks": "codes and names of tasks", "/tasks/<task_id>/people": "names of colleagues",
    "/cases/<code>/access/<number>/end": "a form that asks for a reason",
    "/cases/<code>/access/<number>/in": "the same",
    "/cases/<code>/access/name": "the same", "/cases/<code>/access/out": "the same", "/cases/<code>/hold": "the same",
    "/cases/<code>/diagram/<process_id>.bpmn": "the diagram of a version, the same for every case",
    "/incidents": "what the engine met, no word anybody wrote", "/incidents/<reference>": "the same",
    "/practice/date": "the date of a practice site", "/returns": "names of documents",
}  # fmt: skip
"""Addresses that show nothing people wrote about a case, and why that is so."""
LOOKED_AFTER = ("/people", "/processes", "/drafts")
"""Accounts and definitions: no case is in them."""


def test_every_address_says_what_it_shows_or_why_that_is_nothing(streets):
    unsaid, said_twice = [], []
    for _, method, pattern, _ in streets.addresses():
        if method != "GET" or pattern.startswith(LOOKED_AFTER):
            continue
        shows = _shows(streets, pattern)
        if shows is None and pattern not in OF_NOBODY:
            unsaid.append(pattern)
        if shows is not None and pattern in OF_NOBODY:
            said_twice.append(pattern)
    assert (unsaid, said_twice) == ([], [])


def _shows(streets: Streets, pattern: str) -> str | None:
    rules = streets.site.app.url_map.iter_rules()
    endpoint = next(r.endpoint for r in rules if r.rule == pattern and "GET" in r.methods)
    return streets.site.app.view_functions[endpoint].shows


def test_every_page_that_is_shown_is_written_down_once_and_none_that_is_not(streets):
    """Whoever may see it leaves one line that names them, the case and the thing; whoever may not leaves none."""
    shown = [(p, s) for _, m, p, _ in streets.addresses() if m == "GET" and (s := _shows(streets, p)) is not None]
    seen = 0
    for pattern, kind in shown:
        for who in ("clerk", "officer", "auditor", "operator", "foreign", "watcher"):
            browser = streets.browsers.get(who) or streets.site.visit(who)
            before = _lines(streets)
            answer = browser.client.get(streets.address(pattern, streets.here))
            new = _lines(streets)[len(before) :]
            if answer.status_code != 200:
                assert new == [], (pattern, who)
                continue
            [line] = new
            seen += 1
            assert (line.account_id, line.kind) == (who, kind), (pattern, who)
            assert (line.instance_id is None) == ("code" not in pattern and "task" not in pattern)
    assert seen >= 15


def _lines(streets: Streets) -> list:
    with reading(streets.site.service.store) as db:
        return list(db.execute(select(read_log).order_by(read_log.c.number)))


def test_what_cannot_be_written_down_is_not_shown(streets):
    """A real lock on the table, or a table that is gone: the page says so and shows nothing."""
    service = streets.site.service
    page = f"/cases/{streets.here['code']}"
    with transaction(service.store) as db:
        db.execute(text("ALTER TABLE read_log RENAME TO hidden"))
    refused = streets.browsers["clerk"].client.get(page)
    assert refused.status_code == 503
    assert "This cannot be shown for a moment" in refused.text
    assert "1 Oak Road" not in refused.text
    assert streets.here["code"] not in re.sub(r"<title>.*?</title>", "", refused.text)
    assert "Content-Security-Policy" in refused.headers
    assert streets.browsers["clerk"].client.get("/tasks").status_code == 200, "what shows nothing goes on"
    with transaction(service.store) as db:
        db.execute(text("ALTER TABLE hidden RENAME TO read_log"))
    assert streets.browsers["clerk"].client.get(page).status_code == 200


def test_those_who_look_after_information_see_who_read_what_and_nothing_of_it(streets):
    code = streets.here["code"]
    for who in ("clerk", "auditor"):
        streets.browsers[who].client.get(f"/cases/{code}")
    streets.browsers["foreign"].client.get(f"/cases/{streets.there['code']}")
    officer = streets.site.visit("information_officer")
    page = officer.get("/reads").text
    assert "Auditor" in page
    assert f"{code}: its page" in page
    assert "1 Oak Road" not in page
    assert streets.there["code"] not in page, "another partnership’s"
    assert officer.get(f"/reads?code={code}&who=auditor@practice.invalid").text.count("its page") >= 1
    assert "Nobody has read anything like that" in officer.get("/reads?until=2001-01-01").text
    assert "Enter a day like" in officer.get("/reads?from=yesterday").text
    assert "Who has read what" in officer.get("/reads?who=information_officer@practice.invalid").text
    assert "1 Oak Road" not in officer.get(f"/cases/{code}").text, "that there is a case is all they are told"
    for odd in ("before=x", "before=" + "9" * 40, "code=%00", "who=%25", "until=9999-12-31"):
        assert officer.client.get(f"/reads?{odd}").status_code == 200, odd


@pytest.fixture
def logged(streets) -> Streets:
    for _ in range(3):
        streets.browsers["clerk"].client.get(f"/cases/{streets.here['code']}")
    return streets


def test_the_log_of_reads_is_never_changed_and_its_chain_shows_it(logged):
    store = logged.site.service.store
    for change in (update(read_log).values(kind="nothing"), read_log.delete()):
        with pytest.raises(Exception, match="never changed or removed"), transaction(store) as db:
            db.execute(change)
    with reading(store) as db:
        found = list(readlog.entries(db))
    assert reads.verify(found) == len(found) >= 3
    assert verifying.database(logged.site.service).log[0].holds
    for broken in (found[1:], found[:1] + found[2:], [found[0], found[2], found[1]]):
        with pytest.raises(ChainBroken):
            reads.verify(broken)


def test_an_entry_written_past_the_service_is_found(logged):
    store = logged.site.service.store
    with transaction(store) as db:
        last = readlog.Entry(*db.execute(select(read_log).order_by(read_log.c.number.desc()).limit(1)).one())
        row = {name: getattr(last, name) for name in readlog.Entry.__slots__}
        row |= {"number": last.number + 1, "prev_hash": last.hash, "hash": "0" * 64}
        db.execute(insert(read_log).values(row))
    wrong = verifying.database(logged.site.service).log[0]
    assert (wrong.holds, "is not what was written" in wrong.text) == (False, True)
