"""A message that is offered only at times, on pages: not listed, refused in its own words, listed once it holds."""

import pytest

from at_rest import files

TOLD = {"when": "today() == date(2013, 6, 5)", "when_not": "An appeal about {work} may come on 5 June."}
REASONS = {"decision": "refuse", "reasons": "The tree is healthy."}


@pytest.fixture
def refused(site):
    """The address of a refused application."""
    site.service.deployments.deploy(None, files(**TOLD), "With appeals")
    site.checked()
    officer = site.visit("officer")
    task = officer.get("/tasks?list=groups").link("Decide")
    return officer.send(officer.get(task), task, **REASONS).path


def test_it_is_offered_only_while_its_condition_holds(site, refused, clock):
    clerk = site.visit("clerk")
    address = f"{refused}/tell/appealed"
    assert "Appeal" not in [" ".join(a.itertext()).strip() for a in clerk.get(refused).all("a")]
    early = clerk.get(address, status=409)
    assert "An appeal about Felling may come on 5 June." in early.text
    assert "An appeal about" not in site.visit("officer").get(address, status=409).text, "it is not theirs to send"
    clock.to("2013-06-05T22:50")  # ten to midnight in London
    clerk = site.visit("clerk")
    page = clerk.get(clerk.get(refused).link("Appeal"))
    clock.to("2013-06-05T23:10")  # the page stays open over midnight
    assert "An appeal about Felling" in clerk.send(page, address, status=409).text
    clock.to("2013-06-05T23:15")
    assert "Appeal" not in [" ".join(a.itertext()).strip() for a in clerk.get(refused).all("a")]


def test_once_sent_it_opens_the_case_again(site, refused, clock):
    clock.to("2013-06-05T09:00")
    clerk = site.visit("clerk")
    address = clerk.get(refused).link("Appeal")
    assert "Decide the application" in clerk.send(clerk.get(address), address).text
