"""Departing from a rule and approving of it in a browser: with and without a script, on a narrow screen, and by axe."""

import re
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

from departing import UNKNOWN, WHY, files
from e2e.conftest import axe, overflows
from e2e.filling import press
from pages_site import Site, a_site, close, key
from service.web import security


@pytest.fixture
def site(sqlite_url, tmp_path, clock) -> Iterator[Site]:
    """A site on which rules may be departed from and checks are a register."""
    site = a_site(sqlite_url, tmp_path, clock)
    found = files()
    declared = '"register": {"columns": ["notes", "@written_by"]}, "title"'
    check = found["forms/check.json"].replace('"title"', declared, 1)
    site.service.deployments.deploy(None, {**found, "forms/check.json": check}, "With departures")
    yield site
    close(site)


@pytest.fixture
def address(site) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, site.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def enter(site, open_browser, address):
    """A window of somebody who is signed in."""

    def entered(name: str, **how) -> Page:
        page = open_browser(**how)
        token = site.service.entrance.sign_in(f"{name}@example.invalid", "a long enough password")
        with site.app.test_request_context():
            cookie = security.cookie_name()
        page.context.add_cookies([{"name": cookie, "value": token, "url": address}])
        return page

    return entered


def fit(page: Page) -> None:
    """Fail on what axe finds, and on a page that has to be pushed sideways at 320 pixels."""
    assert axe(page) == []
    size = page.viewport_size
    page.set_viewport_size({"width": 320, "height": 640})
    assert overflows(page) <= 0
    page.set_viewport_size(size)


@pytest.mark.parametrize("javascript", [True, False])
def test_departing_approving_and_reading_it_back(site, enter, javascript):
    given = {"unnamed": {"reasons": WHY, "effect": "The nearest house was written down."}}
    done = site.service.handler.start(site.actor("ann"), "application_received", UNKNOWN, key(), departures=given)
    ann = enter("ann", javascript=javascript)
    ann.goto(f"/tasks/{done.opened[0]}")
    ann.get_by_label("Yes", exact=True).check()
    ann.get_by_label("What did you find?").fill("Fine")
    press(ann, ann.get_by_role("button", name="Send"))
    inset = ann.get_by_role("group", name="This departs from the guidance (clause 1)")
    expect(inset).to_contain_text("A check says what was seen on the spot.")
    if javascript:
        fit(ann)
        expect(ann.locator(".govuk-error-summary")).to_be_focused()
    ann.get_by_role("link", name="If this is meant").click()
    reasons = inset.get_by_label("Your reasons for departing from clause 1")
    if javascript:
        expect(reasons).to_be_focused()
    reasons.fill(WHY)
    inset.get_by_label("What is done instead of what clause 1 asks").fill("It was looked at from the road.")
    for part, value in (("Day", "1"), ("Month", "7"), ("Year", "2013")):
        inset.get_by_label(part, exact=True).fill(value)
    press(ann, ann.get_by_role("button", name="Send"))
    ben = enter("ben", javascript=javascript)
    ben.goto(f"/cases/{done.code}")
    expect(ben.get_by_role("heading", name="Departure 2 from clause 1")).to_be_visible()
    press(ben, ben.get_by_role("link", name=re.compile(r"Approve it or object to it\s?: departure 2")))
    if javascript:
        fit(ben)
    ben.get_by_label("I approve of it").check()
    ben.get_by_label("Why").fill("The road is near enough.")
    press(ben, ben.get_by_role("button", name="Send"))
    expect(ben.get_by_text("Departure 2 of").first).to_be_visible()
    if javascript:
        fit(ben)
        ben.goto(f"/cases/{done.code}/registers/check")
        fit(ben)
        expect(ben.get_by_role("cell", name="Fine")).to_be_visible()
        ben.goto(f"/cases/{done.code}/history")
        ben.get_by_text("2 departures from the guidance, 1 not approved").click()
        fit(ben)
