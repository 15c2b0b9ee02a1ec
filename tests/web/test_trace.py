"""The page “What the law asks, and what holds it”: it plays nothing, and shows what the worker's runs gave."""

import pytest

from pages_site import a_site, close
from service.runtime import story_runs
from traced import traced
from web.test_studio import text

RED = {"D3": ("2", []), "D4": ("1", ["agencies", "forms/decision/fields/reasons"])}


@pytest.fixture
def site(sqlite_url, tmp_path, clock):
    site = a_site(sqlite_url, tmp_path / "var", clock)
    yield site
    close(site)


@pytest.fixture
def address(site):
    row = site.service.deployments.deploy(None, traced(RED), "With a trace")
    return f"/processes/{row.hash}/trace"


def test_the_version_leads_to_its_trace(site, address):
    page = site.browser("aud").get(address.removesuffix("/trace"))
    assert f'href="{address}"' in page.text


def test_before_the_stories_were_played_every_duty_is_red(site, address):
    said = text(site.browser("aud").get(address))
    assert "have not been played yet" in said
    assert said.count("No scenario proves it.") == 3
    assert "Play the scenarios" not in said


def test_the_process_owner_has_them_played_and_sees_what_came_of_it(site, address):
    owner = site.browser("una")
    owner.get(address)
    assert owner.post(address).status_code == 303
    assert "1 scenario waits to be played" in text(owner.get(address))
    story_runs.turn(site.service)
    page = owner.get(address)
    said = text(page)
    assert "2 of 4 duties are held and proven." in said
    assert "Check the application” in “Tree work application”" in said
    assert '/application#element-check"' in page.text
    assert "No place holds it." in said
    assert "Play the scenarios again" in said


def test_only_the_red_ones_can_be_shown(site, address):
    story_runs.keep(site.service, address.split("/")[2], [])
    whole, red = (site.browser("aud").get(address + query).text for query in ("", "?show=red"))
    assert 'id="D1"' in whole
    assert 'id="D1"' in red  # without stories it is red too
    owner = site.browser("una")
    owner.get(address)
    owner.post(address)
    story_runs.turn(site.service)
    red = site.browser("aud").get(address + "?show=red").text
    assert 'id="D1"' not in red
    assert 'id="D3"' in red


def test_others_cannot_have_them_played(site, address):
    other = site.browser("ann")
    assert "Play the scenarios" not in other.get(address).text
    assert other.post(address).status_code == 403
    assert site.browser("una").get("/processes/none/trace").status_code == 404


def test_a_version_without_a_trace_says_so(site):
    with site.service.read() as db:
        version = site.service.definitions.current(db).hash
    assert "does not list the duties" in text(site.browser("aud").get(f"/processes/{version}/trace"))
