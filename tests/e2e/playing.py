"""Playing a scenario in the browser: each step by the person it names, at a window of their own."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from playwright.sync_api import Page, expect

from e2e.filling import fill, press
from service.core.definitions import Element, ProcessDefinition
from service.core.scenario_reading import instant, without_lines

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


@dataclass
class Play:
    """A case on its way: the windows of the people in it, and its code once it has begun."""

    definition: ProcessDefinition
    open_window: Callable[[], Page]
    shift: timedelta = timedelta()
    code: str = ""
    windows: dict[str, Page] = field(default_factory=dict)

    def window(self, who: str) -> Page:
        """The window in which somebody of this role (``role`` or ``role@agency``) is signed in."""
        name = self.name_of(who)
        if name not in self.windows:
            page = self.open_window()
            page.goto("/sign-in")
            press(page, page.get_by_role("button", name=f"Sign in as {name}", exact=True))
            expect(page.get_by_role("button", name="Sign out")).to_be_attached()
            self.windows[name] = page
        return self.windows[name]

    def name_of(self, who: str) -> str:
        role, _, agency = who.partition("@")
        if not agency:
            return str(self.definition.roles[role]["name"])
        names = {entry["id"]: entry["name"] for entry in self.definition.directories["agencies"]}
        return f"{names[agency]} staff"

    def start(self, start: Mapping[str, Any]) -> Page:
        """Start the case and return the page that shows it."""
        page = self.window(start["as"])
        page.goto(f"/cases/start/{start['message']}")
        self.send(page, self.definition.message_element(start["message"]), start.get("data") or {})
        self.code = page.get_by_role("heading", level=1).inner_text()
        assert page.url.endswith(f"/cases/{self.code}"), page.url
        return page

    def step(self, step: Mapping[str, Any]) -> Page:
        """Do one task as the person it names: from the case page to the page that follows."""
        page = self.window(step["as"])
        page.goto(f"/cases/{self.code}")
        element = self.task(step["task"])
        named = re.compile(rf"^{re.escape(element.name)}(: .*)?$")  # a repeated task says what it is about
        press(page, page.locator(".app-panel").get_by_role("link", name=named).first)
        self.send(page, element, step.get("data") or {})
        return page

    def task(self, element_id: str) -> Element:
        found = [e for p in self.definition.processes.values() for e in p.elements.values() if e.id == element_id]
        assert len(found) == 1, element_id
        return found[0]

    def send(self, page: Page, element: Element, data: Mapping[str, Any]) -> None:
        """Fill in the form and send it; what is unusual is confirmed."""
        form = self.definition.forms.get(element.properties.get("form", ""), {"components": []})
        before = page.url
        fill(page, form, moved(without_lines(data), self.shift))
        self.press(page)
        confirm = page.get_by_role("button", name="This is right: send it")
        if confirm.count():
            press(page, confirm)
        problem = page.locator(".govuk-error-summary")
        assert page.url != before, f"{element.id} was not taken: {problem.inner_text() if problem.count() else ''}"

    def press(self, page: Page) -> None:
        press(page, page.locator("main form button[name='_action'][value='save']:not([aria-hidden])").last)


def shift_to(scenario: Mapping[str, Any], last: int, today: date) -> timedelta:
    """How far to move a scenario so that its step number ``last`` happens on ``today``."""
    return timedelta(days=(today - instant(scenario["steps"][last]["at"]).date()).days)


def moved(value: Any, shift: timedelta) -> Any:
    """The same answers with every date moved."""
    match value:
        case dict():
            return {key: moved(inner, shift) for key, inner in value.items()}
        case list():
            return [moved(inner, shift) for inner in value]
        case datetime() | date():
            return value + shift
        case str() if ISO.fullmatch(value):
            return datetime.fromisoformat(value) + shift
    return value
