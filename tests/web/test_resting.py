"""A case at rest on pages: closed, what would open it again, and opened by whoever may send it."""

import pytest

from at_rest import files

REASONS = {"decision": "refuse", "reasons": "The tree is healthy."}


@pytest.fixture
def closed(site):
    """A refused application, at rest; the address of its page."""
    site.service.deployments.deploy(None, files(), "With appeals")
    site.checked()
    officer = site.visit("officer")
    task = officer.get("/tasks?list=groups").link("Decide")
    page = officer.send(officer.get(task), task, **REASONS)
    assert "is done" in page.text
    return page.path


def test_the_page_says_that_it_is_closed_and_what_opens_it(site, closed):
    page = site.visit("officer").get(closed)
    assert "Closed: refused, since 29 May 2013. It can be opened again by: Appeal." in page.text
    assert "Nothing: it has ended." not in page.text
    assert "Put it on hold" not in page.text
    told = site.visit("clerk").get(page.link("See the whole history")).text
    assert "Closed: refused. Nothing was waiting." in told
    listed = site.visit("clerk").get("/cases")
    assert "Closed: refused" in listed.text
    assert "closed 29 May 2013" in listed.text


def test_whoever_may_send_what_opens_it_is_offered_it_and_others_are_not(site, closed):
    assert "Appeal" not in [" ".join(a.itertext()) for a in site.visit("officer").get(closed).all("a")]
    clerk = site.visit("clerk")
    address = clerk.get(closed).link("Appeal")
    opened = clerk.send(clerk.get(address), address)
    assert "Waiting for Tree officer: “Decide the application”" in opened.text
    told = clerk.get(opened.link("See the whole history")).text
    assert "It rests, and can be opened again: Closed: refused." in told
    assert "It was opened again." in told
