"""Filling a form as a person does: what a question is decides how it is answered."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from playwright.sync_api import Locator, Page

ROUNDS = 6  # questions that depend on answers appear in rounds


def questions(components: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Walk a form's questions, those of groups included."""
    for component in components:
        if component["type"] == "group":
            yield from questions(component["components"])
        elif component.get("key"):
            yield component


def fill(page: Page, form: Mapping[str, Any], answers: Mapping[str, Any], *, prefix: str = "") -> None:
    """Answer every question that is on the page; ask for those that depend on answers until none is left."""
    waiting = dict(answers)
    for _ in range(ROUNDS):
        for question in questions(form["components"]):
            key = question["key"]
            if key in waiting and on_page(page, question, prefix + key):
                answer(page, question, prefix + key, waiting.pop(key))
        if not waiting:
            return
        update = page.get_by_role("button", name="Update questions")
        if not update.count():
            break
        press(page, update)
    raise AssertionError(f"{page.url} never asked {sorted(waiting)}")


def press(page: Page, button: Locator) -> None:
    """Press a button or follow a link, and wait for the page that comes."""
    with page.expect_navigation():
        button.click()


def on_page(page: Page, question: Mapping[str, Any], name: str) -> bool:
    asked = {"datetime": f"{name}-day", "dynamiclist": f"{name}-rows"}.get(question["type"], name)
    return page.locator(f"main [name='{asked}']:not([type=hidden]), main [name='{asked}'][name$='-rows']").count() > 0


def answer(page: Page, question: Mapping[str, Any], name: str, value: Any) -> None:
    """Answer one question by mouse and keyboard."""
    field = page.locator(f"main [name='{name}']:not([type=hidden])")
    match question["type"]:
        case "radio":
            page.locator(f"main input[name='{name}'][value='{value}']").check()
        case "checklist":
            for one in value:
                page.locator(f"main input[name='{name}'][value='{one}']").check()
        case "checkbox":
            field.set_checked(bool(value))
        case "select":
            field.select_option(str(value))
        case "datetime":
            enter_date(page, name, value)
        case "dynamiclist":
            enter_rows(page, question, name, value)
        case _:
            field.fill(str(value))


def enter_date(page: Page, name: str, value: date | datetime | str) -> None:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    for part in ("day", "month", "year"):
        page.locator(f"main [name='{name}-{part}']").fill(str(getattr(moment, part)))
    time = page.locator(f"main [name='{name}-time']")
    if time.count():
        time.fill(f"{moment:%H:%M}" if isinstance(moment, datetime) else "09:00")


def enter_rows(page: Page, question: Mapping[str, Any], name: str, rows: list[Mapping[str, Any]]) -> None:
    counter = page.locator(f"main [name='{name}-rows']")
    while int(counter.get_attribute("value") or 0) < len(rows):
        press(page, page.locator(f"main button[value='add:{name}']"))
    for number, row in enumerate(rows):
        for inner in questions(question["components"]):
            if inner["key"] in row:
                answer(page, inner, f"{name}-{number}-{inner['key']}", row[inner["key"]])
