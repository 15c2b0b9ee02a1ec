"""What every request must be: for this host, from this site, no longer than needed; and answers in kind."""

import re

import pytest
from flask import Flask, request
from werkzeug.exceptions import TooManyRequests

from service.app import create_app
from service.settings import Settings, SettingsRefused
from service.web.request_door import LONG, PLAIN
from service.web.security import access


def token(visitor, path: str) -> str:
    return re.search('name="csrf_token"[^>]*value="([^"]+)', visitor.client.get(path).text)[1]


@pytest.mark.parametrize(
    ("public_url", "host", "status"),
    [
        ("", "127.0.0.1:8000", 200),
        ("", "localhost", 200),
        ("", "elsewhere.example", 400),
        ("", "127.0.0.1.elsewhere.example", 400),
        ("https://cases.example.gov.uk", "cases.example.gov.uk", 200),
        ("https://cases.example.gov.uk", "localhost", 400),
        ("https://cases.example.gov.uk", "cases.example.gov.uk.elsewhere.example", 400),
    ],
)
def test_only_requests_for_our_own_host_are_answered(tmp_path, sqlite_url, public_url, host, status):
    settings = Settings(data_folder=tmp_path, database_url=sqlite_url, secret_key="k" * 40, public_url=public_url)
    app = create_app(settings, mailer=lambda letter: None)
    answer = app.test_client().get("/sign-in", headers={"Host": host})
    assert answer.status_code == status
    assert "elsewhere" not in answer.text + answer.headers.get("Location", "")


@pytest.mark.parametrize("address", ["cases.example", "ftp://x", "https://x/path", "https://a b", "https://x:y"])
def test_a_public_address_that_is_none_is_refused_at_the_start(address):
    given = {"CASEWORK_PUBLIC_URL": address, "CASEWORK_SECRET_KEY": "k" * 40}
    with pytest.raises(SettingsRefused, match="CASEWORK_PUBLIC_URL must be like"):
        Settings.from_env(given)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Origin": "null"}, 303),
        ({"Origin": "http://localhost"}, 303),
        ({"Origin": "http://elsewhere.example"}, 400),
        ({"Origin": "http://localhost.elsewhere.example"}, 400),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"}, 400),
        ({"Origin": "null", "Sec-Fetch-Site": "same-site"}, 400),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
    ],
)
def test_a_change_comes_from_our_own_pages(site, headers, status):
    clerk = site.visit("clerk")
    form = {"csrf_token": token(clerk, "/tasks")}
    assert clerk.client.post("/sign-out", data=form, headers=headers).status_code == status


def test_each_address_takes_no_more_than_it_needs(site):
    clerk = site.visit("clerk")
    for path, most in (("/sign-out", PLAIN), ("/tasks/x/claim", PLAIN), ("/tasks/x", LONG)):
        headers = {"X-CSRFToken": token(clerk, "/tasks")}
        sent = clerk.client.post(path, data=b"a=" + b"x" * most, headers=headers)
        assert sent.status_code == 413, path
    assert clerk.client.get("/tasks").status_code == 200, "nobody was signed out"


@pytest.fixture
def failing(site) -> Flask:
    """The site with an address that fails as it is told."""

    @access("public")
    def fail() -> str:
        if request.args["as"] == "429":
            raise TooManyRequests
        raise RuntimeError("the secret of somebody")

    site.app.add_url_rule("/fail", view_func=fail, methods=["GET", "POST"])
    return site.app


ASKED = {
    400: ("POST", "/sign-in", {"data": {"csrf_token": "no"}}),
    403: ("GET", "/processes", {}),
    404: ("GET", "/cases/none", {}),
    405: ("DELETE", "/cases", {}),
    413: ("POST", "/sign-out", {"data": b"x" * 70_000}),
    429: ("GET", "/fail?as=429", {}),
    500: ("GET", "/fail?as=500", {}),
}


@pytest.mark.parametrize("status", ASKED)
def test_a_program_is_told_in_json_what_a_browser_reads_on_a_page(site, failing, status):
    clerk = site.visit("clerk")
    method, path, given = ASKED[status]
    site.app.config["PROPAGATE_EXCEPTIONS"] = False
    program = clerk.client.open(path, method=method, headers={"Accept": "application/json"}, **given)
    browser = clerk.client.open(path, method=method, headers={"Accept": "text/html,*/*;q=0.8"}, **given)
    assert (program.status_code, program.content_type) == (status, "application/problem+json")
    assert set(program.json) == {"type", "title", "status", "detail", "instance"}
    assert program.json["status"] == browser.status_code == status
    assert re.fullmatch(r"urn:reference:[0-9A-F]{4}-[0-9A-F]{4}", program.json["instance"])
    assert browser.content_type.startswith("text/html")
    assert program.json["title"] in browser.text
    for said in (program.text, browser.text):
        assert not re.search(r"secret|Traceback|RuntimeError|\.py\b", said)
