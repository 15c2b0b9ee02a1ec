"""Requests no browser of ours sends: whatever comes, the answer is a page and never a failure of the service."""

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from conftest import CASES
from service.app import create_app
from service.runtime.practice import add_accounts
from service.settings import Settings
from service.store import people
from service.store.tables import draft
from service.store.transaction import reading
from visitor import Visitor
from web.conftest import FILES, PracticeSite, close

DIGITS = "9" * 5000


@pytest.fixture(params=CASES)
def either(request, tmp_path, clock) -> Iterator[PracticeSite]:
    """The site over each kind of database."""
    if request.param == "sqlite":
        yield request.getfixturevalue("site")
        return
    url = request.getfixturevalue("postgres_url")
    app = create_app(
        Settings(practice=True, database_url=url, data_folder=tmp_path), clock=clock, mailer=lambda _: None
    )
    found = PracticeSite(app, app.extensions["service"], clock)
    found.service.deployments.deploy(None, FILES, "First version")
    add_accounts(found.service)
    yield found
    close(found)


def a_draft(site: PracticeSite) -> str:
    owner = site.visit("process_owner")
    with reading(site.service.store) as db:
        based_on = people.definitions(db)[0].hash
    form = {"csrf_token": token(owner), "based_on": based_on, "name": "Mine"}
    assert owner.client.post("/drafts", data=form).status_code == 303
    with reading(site.service.store) as db:
        return db.execute(select(draft.c.id)).scalar_one()


def token(visitor: Visitor) -> str:
    return re.search('name="csrf_token"[^>]*value="([^"]+)', visitor.client.get("/processes").text)[1]


@pytest.mark.parametrize(
    "path",
    [
        "/tasks/%00",
        "/cases/%00",
        "/cases/start/%00",
        "/cases/%00/history",
        "/tasks?list=%00",
        "/cases/%ff",
        "/cases/%ED%A0%80",
        "/processes/%00",
        "/processes/a/%00",
        "/drafts/%00",
        "/drafts/a/file?path=%00",
        f"/cases/{'x' * 3000}",
    ],
)
def test_an_address_that_means_nothing_is_not_found(either, path):
    owner = either.visit("process_owner")
    assert owner.client.get(path).status_code == 404


@pytest.mark.parametrize(
    "email", ["a\0b@practice.invalid", "\ud800@x".encode("utf-8", "surrogatepass"), "a" * 50_000],
    ids=["NUL", "half a character", "long"],
)
def test_an_email_address_of_any_kind_is_only_unknown(either, email):
    visitor = either.visit()
    page = visitor.get("/sign-in")
    answer = visitor.client.post("/sign-in", data={**page.form("/sign-in"), "email": email, "password": "x" * 200})
    assert answer.status_code == 422


@pytest.mark.parametrize("onward", ["/a\nb", "/a\rb", "/\t/[", "/\0", "//[", "/\t/elsewhere.example", "/é"])
def test_the_way_onward_leads_nowhere_else_whatever_it_holds(site, onward):
    visitor = site.visit()
    form = visitor.get("/sign-in").form("/sign-in")
    sent = {**form, "email": "clerk@practice.invalid", "password": "practice", "next": onward}
    answer = visitor.client.post("/sign-in", data=sent)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/")
    assert "elsewhere" not in answer.headers["Location"]
    assert site.visit("clerk").client.get("/sign-in", query_string={"next": onward}).status_code == 303


def test_a_step_number_of_any_length_is_a_step(site):
    site.started()
    with reading(site.service.store) as db:
        code = db.exec_driver_sql("select code from process_instance").scalar_one()
    assert site.visit("clerk").client.get(f"/cases/{code}/history?step={DIGITS}").status_code == 200


@pytest.mark.parametrize(
    "body",
    ids=lambda body: body[:12],
    argvalues=[
        "[" * 30_000,
        '{"text":' * 30_000,
        "null",
        "7",
        "\ufeff{}",
        '{"version":' + DIGITS + "}",
        '{"path":NaN}',
        "\x1f\x8b",
        '{"path":"processes/application.bpmn","text":"x","version":"' + DIGITS + '"}',
    ],
)
def test_a_save_that_is_no_save_is_refused(site, body):
    draft_id = a_draft(site)
    owner = site.visit("process_owner")
    headers = {"X-CSRFToken": token(owner)}
    for what in ("save", "check"):
        answer = owner.client.post(
            f"/drafts/{draft_id}/{what}", data=body, headers=headers, content_type="application/json"
        )
        assert answer.status_code in {200, 400, 404, 409, 422}, answer.text[:300]


@pytest.mark.parametrize("field", ["version", "note"])
def test_a_version_or_note_of_any_kind_is_judged(either, field):
    draft_id = a_draft(either)
    owner = either.visit("process_owner")
    action = f"/drafts/{draft_id}/deploy"
    form = {"csrf_token": token(owner), "note": "Why", "version": "1"}
    for odd in (DIGITS, "a\0b"):
        assert owner.client.post(action, data={**form, field: odd}).status_code in {303, 409, 422}


def test_a_draft_may_be_called_anything_that_can_be_kept(either):
    owner = either.visit("process_owner")
    form = {"csrf_token": token(owner), "based_on": "none", "name": "Mine"}
    with reading(either.service.store) as db:
        form["based_on"] = people.definitions(db)[0].hash
    assert owner.client.post("/drafts", data={**form, "name": "a\0b"}).status_code == 303
    assert owner.client.post("/drafts", data={**form, "based_on": "\0"}).status_code in {404, 422}
    assert owner.client.get("/processes").status_code == 200


ODD = [
    "",
    "{",
    "null",
    "7",
    "[]",
    "[7]",
    '[{"id": 1}]',
    "{}",
    '"x"',
    "<a/>",
    "\ud800",
    "a\0b",
    "[" * 30_000,
    "<a>" * 500,
    "a: [",
    '{"components": 7, "title": 7}',
    '{"components": [7]}',
    '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"/>',
]


@pytest.mark.parametrize("path", sorted(FILES))
def test_a_draft_opens_whatever_was_saved_in_it(site, path):
    draft_id = a_draft(site)
    owner = site.visit("process_owner")
    headers = {"X-CSRFToken": token(owner)}
    version = 1
    for text in ODD:
        answer = owner.client.post(
            f"/drafts/{draft_id}/save", json={"path": path, "text": text, "version": str(version)}, headers=headers
        )
        assert answer.status_code in {200, 400, 404, 422}, (text[:40], answer.text[:300])
        version += answer.status_code == 200
        for page in ("", f"/file?path={path}", "/deploy", "/application", "/application.bpmn"):
            seen = owner.client.get(f"/drafts/{draft_id}{page}")
            assert seen.status_code in {200, 404}, (text[:40], page, seen.text[:200])


HEADERS = [
    {"Content-Type": "multipart/form-data"},
    {"Content-Type": "multipart/form-data; boundary="},
    {"Content-Length": "-1"},
    {"Host": "a b"},
    {"Host": "[::1"},
    {"Cookie": "signed_in=\u00e9; signed_in=\x01; page=.."},
    {"Content-Encoding": "gzip"},
    {"Content-Type": "application/x-www-form-urlencoded; charset=utf-16"},
]


@pytest.mark.parametrize("headers", HEADERS)
def test_odd_headers_are_answered(site, headers):
    for role in (None, "clerk"):
        visitor = site.visit(role)
        assert visitor.client.get("/tasks", headers=headers).status_code < 500
        assert visitor.client.post("/sign-in", data=b"a=b&\xff=%zz", headers=headers).status_code < 500


def test_form_fields_no_page_has_change_nothing(site):
    site.started()
    clerk = site.visit("clerk")
    task = clerk.get("/tasks?list=groups").link("Check the application")
    form = clerk.get(task).form(task)
    for odd in (
        {"_action": "add:x"},
        {"_action": "remove:complete:999"},
        {"_asked": "\0"},
        {"complete": "\0"},
        {"notes": "a\0b"},
        {"notes": "\u202e"},
        {"self": "x", "typename": "x"},
        {"x" * 100_000: "y"},
        {"confirm_warnings": "\0"},
        {"complete-0-x": "1"},
        {"notes-rows": DIGITS},
    ):
        assert clerk.client.post(task, data={**form, **odd}).status_code in {200, 422}, odd
    many = clerk.client.post(task, data={**form, **{f"f{n}": "1" for n in range(2000)}})
    assert many.status_code in {200, 413, 422}
    for ending in ("claim", "release"):
        for key in ("\0", "", "k" * 65, "not-one-of-ours"):
            assert clerk.client.post(f"{task}/{ending}", data={**form, "key": key}).status_code == 400
    for key in ("\0", ""):
        assert clerk.client.post(task, data={**form, "complete": "yes", "notes": "x", "key": key}).status_code == 400
