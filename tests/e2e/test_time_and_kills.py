"""What only a whole service shows: all of it is killed and nothing is lost; a month passes and a deadline is missed."""

import re

import pytest
from playwright.sync_api import expect

from e2e.conftest import axe
from e2e.filling import press
from e2e.playing import Play, shift_to


@pytest.fixture
def address(own_server):
    return own_server.url  # these tests move its date and kill it


def test_nothing_acknowledged_is_lost_when_everything_is_killed(own_server, definition, story, today, open_browser):
    play = Play(definition, open_browser, shift_to(story, 1, today))
    play.start(story["start"])
    for step in story["steps"][:2]:
        play.step(step)
    own_server.kill()
    own_server.start()
    page = play.window("coordinator")  # the session is in the database: nobody has to sign in again
    page.goto(f"/cases/{play.code}")
    expect(page.locator(".app-done")).to_contain_text("Find out whose review it is")
    expect(page.locator(".app-done")).to_contain_text("Note safety and handling")
    expect(page.locator(".app-now")).to_contain_text("Choose whom to consult")
    expect(page.locator("#history + ol li")).to_have_count(3)
    page.goto(f"/cases/{play.code}/history")
    expect(page.locator("main")).to_contain_text("the same result at every step")


def test_a_month_later_the_deadline_is_missed_and_the_reason_is_asked_for(definition, open_browser):
    play = Play(definition, open_browser)
    chair = play.window("ssp_chair")
    chair.goto("/cases")
    press(chair, chair.get_by_role("link", name=re.compile(r"DHR-\d{4}-001")).first)
    play.code = chair.get_by_role("heading", level=1).inner_text()
    expect(chair.locator("#time-limits + ul")).not_to_contain_text("Missed")
    press(chair, chair.get_by_role("link", name="Move the practice date"))
    chair.get_by_label("1 month (30 days)").check()
    press(chair, chair.get_by_role("button", name="Move the date"))
    chair.goto(f"/cases/{play.code}")
    expect(chair.locator("#time-limits + ul")).to_contain_text("Missed")
    expect(chair.locator(".app-now")).to_contain_text("Say why the decision is late")
    assert axe(chair) == []
