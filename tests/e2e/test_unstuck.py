"""A version with a mistake stops a step: nothing is lost, operators are told, the owner mends it, the work goes on."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from e2e.conftest import axe, overflows
from e2e.filling import press
from e2e.playing import Play, shift_to

DIAGRAM = "processes/P1_intake.bpmn"
BEFORE = 'residence in ("disputed", "unknown")'
WRONG = 'consultees[0].expert == "yes"'
MENDED = 'residence == "disputed" or residence == "unknown"'


@pytest.fixture
def address(own_server):
    return own_server.url  # other tests need the version that is right


def look(page: Page, name: str) -> None:
    """Hold every page of the story to what every page must be, at a desk and on a telephone."""
    for width in (1280, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert overflows(page) == 0, f"{name} at {width}"
        if folder := os.environ.get("CASEWORK_PICTURES"):
            page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 900})
    assert axe(page) == [], name


def deploy(owner: Page, number: int, *change: str) -> None:
    """As a process owner does it: a draft from the newest version, one file changed as text, checked, deployed."""
    owner.goto("/processes")
    owner.get_by_label(re.compile(f"from version {number}$")).fill(f"After version {number}")
    press(owner, owner.get_by_role("button", name="Start a draft from this version").first)
    draft = owner.url
    press(owner, owner.get_by_role("listitem").filter(has_text=DIAGRAM).get_by_role("link", name="as text"))
    text = owner.get_by_label("Text of the file")
    written = text.input_value()
    assert change[0] in written
    text.fill(written.replace(*change))
    press(owner, owner.get_by_role("button", name="Save draft"))
    owner.goto(draft)
    press(owner, owner.get_by_role("button", name="Check and deploy"))
    owner.get_by_label("What this version changes and why").fill("A condition of the intake")
    press(owner, owner.get_by_role("button", name="Deploy this version"))


def try_again(operator: Page, reason: str, says: str, name: str) -> None:
    operator.get_by_label("Why").fill(reason)
    press(operator, operator.get_by_role("button", name="Try again"))
    expect(operator.locator("main")).to_contain_text(says)
    look(operator, name)


def move(owner: Page, code: str) -> None:
    """Move one case from the page of the newest version."""
    owner.goto("/processes")
    press(owner, owner.get_by_role("link", name=re.compile("Look at version 3")))
    press(owner, owner.get_by_role("link", name=re.compile("earlier versions")))
    look(owner, "cases-on-earlier-versions")
    owner.get_by_label(re.compile(code)).check()
    owner.get_by_label("Why they are moved").fill("Version 2 asked about the wrong value.")
    press(owner, owner.get_by_role("button", name=re.compile("^Move the chosen")))
    expect(owner.locator("main")).to_contain_text(code)
    look(owner, "moved")


def test_a_step_that_cannot_be_finished_is_mended_and_nothing_is_lost(definition, story, today, open_browser):
    play = Play(definition, open_browser, shift_to(story, 1, today))
    owner, operator, auditor = (play.window(role) for role in ("process_owner", "operator", "auditor"))
    deploy(owner, 1, BEFORE, WRONG)
    play.start(story["start"])
    clerk = play.window("coordinator")
    with pytest.raises(AssertionError, match="was not taken"):
        play.step(story["steps"][0])
    said = clerk.locator(".govuk-error-summary")
    expect(said).to_contain_text("through no fault of yours")
    expect(said).to_contain_text("Your answers are kept for you")
    look(clerk, "clerk-is-told")

    operator.goto("/incidents")
    look(operator, "incidents")
    expect(operator.locator("main")).to_contain_text("in “Intake and jurisdiction”")
    expect(operator.locator("main")).not_to_contain_text("Exception")
    press(operator, operator.get_by_role("link", name=re.compile(play.code)))
    assert re.search(r"\b[0-9a-f]{12}\b", said.inner_text())[0] in operator.title(), "the reference people are given"
    press(operator, operator.get_by_role("button", name="Try again"))
    expect(operator.locator(".govuk-error-summary")).to_contain_text("Give a reason")
    look(operator, "incident-without-reason")
    try_again(operator, "To see whether it passes by itself.", "It still fails", "incident-still-fails")
    deploy(owner, 2, WRONG, MENDED)
    move(owner, play.code)
    try_again(operator, "Version 3 mends it.", "has been asked to send it again", "incident-resolved")

    clerk.goto(f"/cases/{play.code}")
    press(clerk, clerk.locator(".app-panel").get_by_role("link", name="Find out whose review it is"))
    expect(clerk.locator("#basis")).to_have_value("Council tax register")
    look(clerk, "draft-kept")
    play.press(clerk)
    clerk.goto(f"/cases/{play.code}")
    expect(clerk.locator(".app-now")).to_contain_text("Note safety and handling")
    auditor.goto(f"/cases/{play.code}/history")
    expect(auditor.locator("main")).to_contain_text("running them again gives the same result at every step")
    expect(auditor.locator("main")).to_contain_text("It moved from version 2 to version 3 of the process.")
    look(auditor, "history")
