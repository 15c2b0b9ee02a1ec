"""Every address times every bad input: an answer below 500, no trace in it, and not a row of the database changed."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select

from build import MINI
from conftest import SteppedClock
from pages_site import APPLICATION, PEOPLE, Site, a_site, close
from service.runtime.bundles import read_folder
from service.store import tables
from service.store.transaction import reading, transaction
from story import COMPLETE

DIGITS, LONG = "9" * 5000, "x" * 100_000
ODD_NAMES = (
    "%00", "%ff", "%ED%A0%80", "%zz", "%E2%80%AE", "..%2f..%2fetc%2fpasswd", "%0d%0aX:y", "None", "-1", "x" * 10_000,
)  # fmt: skip
ODD_QUERIES = (
    "?list=mine&list=groups&list=%00", "?step=1&step=%00", f"?step={DIGITS}", "?step=-1", "?step=1e999",
    "?path=..%2f%00",
    "?next=//elsewhere.example&next=/", "?%00=%ff", "?[]=1&x[y]=2", "?" + "a=b&" * 2000, "?list=" + "x" * 3000,
)  # fmt: skip
FORM, JSON, PARTS = "application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=b"


def part(name: str, more: str = "") -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n1\r\n'.encode()


BODIES: dict[str, tuple[str | None, bytes]] = {
    "nothing": (None, b""),
    "brackets": (JSON, b"[" * 30_000),
    "braces": (JSON, b'{"a":' * 30_000),
    "a name twice": (JSON, b'{"path":"a","path":"b","text":"","version":"1"}'),
    "no number": (JSON, b'{"path":"a","text":NaN,"version":Infinity}'),
    "1e999": (JSON, b'{"path":"a","text":1e999,"version":1e999}'),
    "10^400": (JSON, b'{"path":"a","text":"x","version":1' + b"0" * 400 + b"}"),
    "digits": (JSON, b'{"version":' + DIGITS.encode() + b"}"),
    "half a character": (JSON, rb'{"path":"\ud800","text":"\udfff","version":"1"}'),
    "NUL": (JSON, rb'{"path":"\u0000","text":"\u0000","version":"\u0000"}'),
    "bidi": (JSON, rb'{"path":"\u202e","text":"\u202e","version":"\u0661"}'),
    "typename": (JSON, b'{"typename":"datetime","value":"2026-01-01"}'),
    "an event definition": (JSON, b'{"path":{"typename":"SignalEventDefinition","name":"x"},"text":[],"version":{}}'),
    "null": (JSON, b"null"),
    "7": (JSON, b"7"),
    "a mark in front": (JSON, b'\xef\xbb\xbf{"path":"a"}'),
    "UTF-16": (JSON, '{"path":"a"}'.encode("utf-16")),
    "no UTF-8": (JSON, b'{"path":"\xff\xfe"}'),
    "gzip": (JSON, b"\x1f\x8b\x08\x00\x00\x00\x00\x00"),
    "an empty name": (JSON, b'{"":"x"}'),
    "a long name": (JSON, b'{"' + LONG.encode() + b'":"x"}'),
    "JSON as text": ("text/plain", b'{"path":"a","text":"b","version":"1"}'),
    "XML": ("application/xml", b"<a/>"),
    "no kind of content": ("", b"a=b"),
    "form of junk": (FORM, b"a=b&\xff=%zz&%00=%00&=&&==&key=%00&_action=%00&_asked=%00"),
    "form in UTF-16": (FORM + "; charset=utf-16", "a=b".encode("utf-16")),
    "2,000 fields": (FORM, b"&".join(b"f%d=1" % n for n in range(2000))),
    "20,000 fields": (FORM, b"&".join(b"f%d=1" % n for n in range(20_000))),
    "a long field": (FORM, LONG.encode() + b"=x"),
    "names of Python's": (FORM, b"self=1&len=1&__builtins__=1&__class__=1&typename=x&=x"),
    "mass assignment": (FORM, b"approved_by=x&agency_id=x&assignee=x&role=process_owner&instance_id=x&closed_at=x"),
    "1,001 parts": (PARTS, b"".join(part(f"f{n}") for n in range(1001)) + b"--b--"),
    "5,000 parts": (PARTS, b"".join(part(f"f{n}") for n in range(5000)) + b"--b--"),
    "a part cut off": (PARTS, b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\n1'),
    "a part of no name": (PARTS, b"--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--"),
    "a file nobody asked for": (PARTS, part("notes", '; filename="../../etc/passwd"') + b"--b--"),
    "no boundary": ("multipart/form-data", b"--b\r\n"),
    "an empty boundary": ("multipart/form-data; boundary=", b"--\r\n"),
    "a long boundary": ("multipart/form-data; boundary=" + "b" * 5000, b"--b\r\n"),
    "5 MB": (FORM, b"password=" + b"x" * 5_000_000),
}  # fmt: skip
ODD_HEADERS: tuple[dict[str, str], ...] = (
    {"Host": "elsewhere.example"}, {"Host": "a b"}, {"Host": "[::1"}, {"Host": ""}, {"Host": "x" * 3000},
    {"X-Forwarded-Host": "elsewhere.example", "X-Forwarded-For": "1.2.3.4", "X-Forwarded-Proto": "gopher"},
    {"Sec-Fetch-Site": "cross-site"}, {"Content-Length": "-1"}, {"Content-Encoding": "gzip"}, {"Accept": "\xff;q=zz"},
    {"Cookie": "signed_in=\xe9; signed_in=\x01; page=.."}, {"Range": "bytes=9-1,-"}, {"If-None-Match": "*" * 3000},
    {"If-Modified-Since": "yesterday"}, {"Authorization": "Basic " + "=" * 100}, {"X-CSRFToken": "\xff"},
)  # fmt: skip
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")


class Peopled:
    """A site with a running case, an ended task, another case and a draft, and what addresses may name of it."""

    def __init__(self, site: Site) -> None:
        self.site = site
        site.start()
        self.code = site.start()
        self.task = site.tasks("ann")["check"].id
        site.service.handler.complete(site.actor("ann"), self.task, COMPLETE, str(uuid4()))
        self.open = site.tasks("ann")["check"].id
        una = site.actor("una")
        with reading(site.service.store) as db:
            self.hash = db.execute(select(tables.process_definition.c.hash)).scalar_one()
            self.record = db.execute(select(tables.record.c.id)).scalars().first()
        self.draft = site.service.deployments.start_draft(una, self.hash, "Mine").id
        self.browsers = {name: site.browser(name) for name in PEOPLE}
        for name, browser in self.browsers.items():
            browser.get("/processes" if name == "una" else "/tasks")

    def good(self) -> Mapping[str, str]:
        """A value for each part of an address that names something."""
        return {
            "code": self.code, "task_id": self.task, "process_id": "application", "record_id": self.record,
            "message": "application_received", "draft_id": self.draft, "definition_hash": self.hash,
            "filename": "site.css", "reference": "0" * 12, "number": "1", "form": "application",
            "document_id": "letter", "account_id": "ben", "membership_id": "ben", "what": "disable", "token": "none",
            "name": "0" * 16,
        }  # fmt: skip

    def addresses(self) -> Iterator[tuple[str, str, frozenset[str]]]:
        """Every rule with an address of it that means something, and its methods."""
        for rule in self.site.app.url_map.iter_rules():
            address = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: self.good()[found[1]], rule.rule)
            yield rule.rule, address, frozenset(rule.methods)

    def odd_addresses(self) -> Iterator[str]:
        """Every rule with each of its names in turn replaced by something odd, or by another kind's name.

        PostgreSQL is asked only what it may read otherwise than SQLite: characters it does not keep.
        """
        on_postgres = self.site.service.store.readers.dialect.name == "postgresql"
        odd = ODD_NAMES[:5] if on_postgres else (*ODD_NAMES, self.task, self.code, self.draft, str(uuid4()))
        for rule in self.site.app.url_map.iter_rules():
            for name in rule.arguments:
                for value in odd:
                    told = {**self.good(), name: value}
                    yield re.sub(r"<(?:\w+:)?(\w+)>", lambda found, told=told: told[found[1]], rule.rule)

    def ask(self, who: str, method: str, address: str, **given) -> str | None:
        """Send a request; return what is wrong with its answer, if anything is."""
        browser = self.browsers[who]
        answer = browser.client.open(address, method=method, **given)
        found = answer.get_data()
        answer.close()
        elsewhere = found.partition(b"<main")[0] + answer.headers.get("Location", "").encode()
        wrong = answer.status_code >= 500 or b"Traceback" in found or b"elsewhere.example" in elsewhere
        return f"{who} {method} {address[:80]}: {answer.status_code}" if wrong else None


@contextmanager
def opened(url: str, folder: Path) -> Iterator[Peopled]:
    site = a_site(url, folder, SteppedClock(), MINI)
    try:
        yield Peopled(site)
    finally:
        close(site)


@pytest.fixture
def peopled(sqlite_url, tmp_path) -> Iterator[Peopled]:
    with opened(sqlite_url, tmp_path) as found:
        yield found


@pytest.fixture
def stricter(postgres_url, tmp_path) -> Iterator[Peopled]:
    """On PostgreSQL, which refuses characters that SQLite keeps."""
    with opened(postgres_url, tmp_path) as found:
        yield found


def rows(site: Site) -> dict[str, list[tuple]]:
    """Everything that is kept, but for when a session was last seen, and what was read."""
    with reading(site.service.store) as db:
        return {
            name: sorted(map(repr, db.execute(select(table))))
            for name, table in tables.metadata.tables.items()
            if name not in {"session", "read_log"}
        }


@contextmanager
def nothing_changed(peopled: Peopled) -> Iterator[list[str]]:
    before, wrong = rows(peopled.site), []
    yield wrong
    assert "\n".join(line for line in wrong if line) == ""
    now = rows(peopled.site)
    assert {name for name in now if now[name] != before[name]} == set()


def test_every_address_with_odd_names_in_it(stricter):
    with nothing_changed(stricter) as wrong:
        for address in stricter.odd_addresses():
            wrong.append(stricter.ask("una" if "/drafts" in address else "ann", "GET", address))
            wrong.append(stricter.ask("una", "POST", address, data={"csrf_token": "no"}))


def test_every_address_with_odd_queries_and_headers(peopled):
    with nothing_changed(peopled) as wrong:
        for _rule, address, _methods in peopled.addresses():
            wrong += [peopled.ask("una", "GET", address + query) for query in ODD_QUERIES]
            wrong += [peopled.ask("aud", "GET", address, headers=headers) for headers in ODD_HEADERS]
            wrong += [peopled.ask("aud", "POST", address, headers=headers) for headers in ODD_HEADERS[::4]]


def test_every_address_by_every_method(peopled):
    with nothing_changed(peopled) as wrong:
        for _rule, address, _methods in peopled.addresses():
            for who in ("ann", "eve"):
                wrong += [peopled.ask(who, method, address) for method in METHODS]


def test_every_address_that_takes_something_with_every_body(peopled):
    """With a token, so that it reaches what lies behind the token."""
    with nothing_changed(peopled) as wrong:
        for rule, address, methods in peopled.addresses():
            if "POST" not in methods or rule == "/sign-out":
                continue
            who = "una" if rule.startswith(("/drafts", "/practice")) else "ann"
            headers = {"X-CSRFToken": peopled.browsers[who].token}
            for name, (kind, body) in BODIES.items():
                said = peopled.ask(who, "POST", address, data=body, content_type=kind, headers=headers)
                wrong.append(f"{name}: {said}" if said else "")


def test_a_password_of_five_megabytes_is_not_hashed(peopled):
    browser = peopled.site.app.test_client()
    token = re.search('name="csrf_token"[^>]*value="([^"]+)', browser.get("/sign-in").text)[1]
    given = {"csrf_token": token, "email": "ann@example.invalid"}
    assert browser.post("/sign-in", data={**given, "password": "x" * 5_000_000}).status_code == 413
    assert browser.post("/sign-in", data={**given, "password": "x" * 60_000}).status_code == 422


# --- what is said beside the answers --------------------------------------------------------------------------------


def answered(peopled: Peopled) -> tuple[str, dict[str, str]]:
    """The address of an open task, and answers to it that would be taken."""
    browser = peopled.browsers["ann"]
    address = f"/tasks/{peopled.open}"
    page = browser.get(address).text
    key = re.findall(r'name="key"[^>]*value="([^"]+)', page)[-1]
    return address, {"csrf_token": browser.token, "key": key, "complete": "yes", "notes": "All there."}


@pytest.mark.parametrize(
    "name", ["approved_by", "agency_id", "assignee", "notes-0-x", "typename", "__builtins__", "", "x" * 9]
)
def test_a_field_the_page_does_not_have_is_refused_and_what_was_typed_stays(peopled, name):
    address, form = answered(peopled)
    with nothing_changed(peopled):
        answer = peopled.browsers["ann"].client.post(address, data={**form, name: "me"})
        assert answer.status_code == 422
        assert "sent with something that it does not ask for" in answer.text
        assert "All there." in answer.text
    assert peopled.browsers["ann"].client.post(address, data=form).status_code == 303


HALF = "\ud800".encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("value", [HALF, "a\0b", "a\u202eb", "\x1b[2J", "x" * 20_001])
def test_a_text_that_cannot_be_kept_is_refused(peopled, value):
    address, form = answered(peopled)
    with nothing_changed(peopled):
        answer = peopled.browsers["ann"].client.post(address, data={**form, "notes": value, "complete": "no"})
        assert answer.status_code in {200, 400, 422}


@pytest.mark.parametrize(
    "value", ["typename", "self", "__builtins__", "{{7*7}}", "{0.__class__}", "<b>x</b>", "=1+1", "𝔘nicode 🌳"]
)
def test_a_text_that_only_looks_odd_is_kept_as_it_is(peopled, value):
    address, form = answered(peopled)
    assert peopled.browsers["ann"].client.post(address, data={**form, "notes": value}).status_code == 303
    with reading(peopled.site.service.store) as db:
        kept = db.execute(select(tables.record.c.answers)).scalars().all()
    assert any(value in answers for answers in kept)


def test_a_key_belongs_to_one_person_and_one_request(peopled):
    address, form = answered(peopled)
    ann, ben = peopled.browsers["ann"], peopled.browsers["ben"]
    assert ann.client.post(address, data=form).status_code == 303
    before = rows(peopled.site)
    assert ann.client.post(address, data=form).status_code == 303, "the same again is answered again"
    assert ann.client.post(address, data={**form, "notes": "Other."}).status_code == 422
    start = {**form, **{k: v for k, v in APPLICATION.items() if k != "received_on"}}
    [start.pop(name) for name in ("complete", "notes")]
    day = {"received_on-day": "29", "received_on-month": "5", "received_on-year": "2013"}
    assert ann.client.post("/cases/start/application_received", data={**start, **day}).status_code == 422
    assert rows(peopled.site) == before
    theirs = peopled.site.tasks("ben")["decide"].id
    ben.get(f"/tasks/{theirs}")
    answer = ben.client.post(f"/tasks/{theirs}/claim", data={"csrf_token": ben.token, "key": form["key"]})
    assert answer.status_code == 303, "another person's key is another key"


@pytest.mark.parametrize("key", ["", "7", "x" * 10_000, "\0", "'; --", "٣" * 36])
def test_a_key_that_is_none_has_one_effect_at_most(peopled, key):
    address, form = answered(peopled)
    before = len(rows(peopled.site)["step"])
    for _ in range(2):
        assert peopled.browsers["ann"].client.post(address, data={**form, "key": key}).status_code < 500
    assert len(rows(peopled.site)["step"]) <= before + 1


def test_tasks_that_are_not_theirs_to_do_cannot_be_told_from_none(peopled):
    theirs, eve = peopled.site.tasks("ben")["decide"].id, peopled.browsers["ann"]
    with nothing_changed(peopled):
        for task in (theirs, str(uuid4()), "0", "x" * 10_000):
            for ending in ("", "/claim", "/release"):
                form = {"csrf_token": eve.token, "key": str(uuid4())}
                assert eve.client.post(f"/tasks/{task}{ending}", data=form).status_code == 404
        closed = eve.client.post(f"/tasks/{peopled.task}", data={"csrf_token": eve.token, "key": str(uuid4())})
        assert closed.status_code == 409


@pytest.mark.parametrize(
    "cookie", ["after signing out", "after the account was shut", "from before", "made up", "\xe9\x01"]
)
def test_a_session_that_is_over_opens_nothing(peopled, cookie):
    browser, store = peopled.browsers["ann"], peopled.site.service.store
    if cookie == "after signing out":
        kept = browser.client.get_cookie("signed_in").value
        assert browser.post("/sign-out").status_code == 303
        browser.client.set_cookie("signed_in", kept)
    elif cookie == "after the account was shut":
        ann = tables.account.c.id == "ann"
        with transaction(store) as db:
            db.execute(tables.account.update().where(ann).values(disabled_at=peopled.site.clock()))
    elif cookie == "from before":
        peopled.site.clock.pass_by(minutes=31)
    else:
        browser.client.set_cookie("signed_in", cookie)
    answer = browser.client.get("/tasks")
    assert (answer.status_code, answer.headers["Location"].startswith("/sign-in")) == (303, True)
    assert browser.client.post(f"/tasks/{peopled.open}", data={"csrf_token": browser.token}).status_code in {303, 400}


def test_the_table_names_every_address(peopled):
    """A route that is added needs a value here for whatever its address names."""
    assert len(list(peopled.addresses())) > 35
    assert read_folder(MINI)
