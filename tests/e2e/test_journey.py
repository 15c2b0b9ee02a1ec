"""A person signs in and writes a notice down, others answer, another decides, and the case page shows it."""

import re

import pytest
from playwright.sync_api import expect

from e2e.conftest import STORY, axe, overflows
from e2e.filling import press
from e2e.playing import Play, shift_to
from service.core import scenarios

DECIDE = 6


def test_the_story_holds_without_a_browser(definition):
    report = scenarios.play(definition, STORY)
    assert report.failures == []


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without-javascript"])
def test_from_notice_to_decision(definition, story, today, open_browser, javascript):
    play = Play(definition, lambda: open_browser(javascript=javascript), shift_to(story, DECIDE, today))
    case = play.start(story["start"])
    expect(case.get_by_role("heading", name="Time limits")).to_be_visible()
    for step in story["steps"]:
        page = play.step(step)
        if javascript:
            assert axe(page) == [], page.url
    chair = play.window("ssp_chair")
    chair.goto(f"/cases/{play.code}")
    main = chair.locator("main")
    over = main.locator("details").filter(has_text=re.compile(r"\d+ time limits? no longer running"))
    over.locator("summary").first.click()
    expect(over.get_by_text("Met in time").first).to_be_visible()
    expect(main.locator(".app-done")).to_contain_text("Decide whether to hold a review")
    expect(main.locator(".app-now")).not_to_contain_text("Decide whether to hold a review")
    record = main.locator("#records + ul")
    expect(record).to_contain_text(definition.forms["decide"]["title"])
    if javascript:
        expect(chair.locator(".djs-container svg").first).to_be_visible()
        assert axe(chair) == []
    else:
        expect(main.get_by_role("region", name="What may come next")).to_contain_text("Appoint the panel")


def test_what_is_missing_is_said_where_it_is_missing(definition, story, today, open_browser):
    play = Play(definition, open_browser, shift_to(story, DECIDE, today))
    page = play.window("coordinator")
    page.goto("/cases/start/police_notification")
    page.locator("#notified_by").fill("Detective inspector")
    play.press(page)
    assert page.title().startswith("Error: ")
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    expect(page.locator("#notified_by")).to_have_value("Detective inspector")
    page.locator(".govuk-error-summary a").first.click()
    assert axe(page) == []


def test_a_task_somebody_else_has_done_meanwhile(definition, story, today, open_browser):
    """Two windows on one task: the second is told by whom and when, and keeps what was typed."""
    play = Play(definition, open_browser, shift_to(story, DECIDE, today))
    play.start(story["start"])
    second = open_browser()
    second.goto("/sign-in")
    press(second, second.get_by_role("button", name="Sign in as Coordinator", exact=True))
    second.goto(f"/cases/{play.code}")
    press(second, second.locator(".app-panel").get_by_role("link", name="Find out whose review it is"))
    play.step(story["steps"][0])
    second.locator("#basis").fill("Typed in the second window")
    with second.expect_response(lambda answer: answer.request.method == "POST") as answer:
        play.press(second)
    assert answer.value.status == 409
    expect(second.locator("main")).to_contain_text("Coordinator")
    expect(second.locator("main")).to_contain_text("Typed in the second window")
    assert axe(second) == []
    assert overflows(second) == 0
