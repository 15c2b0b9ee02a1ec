"""A person at a browser without JavaScript, who looks at every page: each answer is checked before a test sees it.

A page must be strict HTML with one level-one heading that its title repeats, no id twice, links that lead to something
on the page, tokens in every form that writes, and no script without the page's nonce.
"""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import html5lib
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

SIGNING = ("/sign-in", "/sign-out")
PASSWORD = "practice"
PREFIX = "{http://www.w3.org/1999/xhtml}"


@dataclass
class Page:
    """An answer as a person meets it."""

    status: int
    path: str
    html: str
    headers: dict[str, str]

    @property
    def tree(self):
        return html5lib.parse(self.html)

    @property
    def text(self) -> str:
        """The words of the main part, with single spaces."""
        found = self.all("main")
        return " ".join("".join(found[0].itertext()).split()) if found else ""

    @property
    def title(self) -> str:
        return "".join(self.tree.find(f".//{PREFIX}title").itertext()).strip()

    @property
    def heading(self) -> str:
        return " ".join("".join(self.tree.find(f".//{PREFIX}h1").itertext()).split())

    def all(self, tag: str) -> list:
        return list(self.tree.iter(f"{PREFIX}{tag}"))

    def link(self, words: str) -> str:
        """The address of the link whose words contain these."""
        for a in self.all("a"):
            if words in " ".join("".join(a.itertext()).split()):
                return a.get("href")
        raise AssertionError(f"no link {words!r} on {self.path}: {self.text}")

    def value(self, name: str) -> str | None:
        """What a text field, text area, or chosen radio holds."""
        for e in self.all("input") + self.all("textarea"):
            shown = e.get("type") != "hidden"
            if shown and e.get("name") == name and (e.get("type") != "radio" or e.get("checked") is not None):
                return e.get("value") if e.tag.endswith("input") else "".join(e.itertext()).lstrip("\n")
        return None

    def form(self, action: str) -> dict[str, str]:
        """The hidden fields of the form that is sent to ``action``."""
        for form in self.all("form"):
            if form.get("action") == action:
                hidden = [e for e in form.iter(f"{PREFIX}input") if e.get("type") == "hidden"]
                return {e.get("name"): e.get("value") or "" for e in hidden}
        raise AssertionError(f"no form for {action} on {self.path}: {[f.get('action') for f in self.all('form')]}")


@dataclass
class Visitor:
    """One browser with its cookies."""

    app: Flask
    client: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.app.test_client()

    def get(self, path: str, *, status: int = 200) -> Page:
        """Open a page, follow where it leads, and check it."""
        return self._seen(self.client.get(path, follow_redirects=True), status)

    def post(self, path: str, data: dict, *, status: int = 200) -> Page:
        """Send a form as it stands."""
        return self._seen(self.client.post(path, data=data, follow_redirects=True), status)

    def send(self, page: Page, action: str, *, status: int = 200, **answers: object) -> Page:
        """Fill in the form of ``page`` that goes to ``action`` and send it."""
        return self.post(action, {**page.form(action), **answers}, status=status)

    def sign_in(self, role: str, *, onward: str = "/") -> Page:
        page = self.get(f"/sign-in?next={onward}")
        credentials = {"email": f"{role}@practice.invalid", "password": PASSWORD}
        return self.post("/sign-in", {**page.form("/sign-in"), **credentials, "next": onward})

    def _seen(self, answer: TestResponse, status: int) -> Page:
        page = Page(answer.status_code, answer.request.path, answer.text, dict(answer.headers))
        assert answer.status_code == status, f"{answer.status} instead of {status} at {page.path}: {page.text[:600]}"
        if answer.mimetype == "text/html":
            check(page)
        return page


def check(page: Page) -> None:
    """Fail if the page is not as every page must be."""
    html5lib.HTMLParser(strict=True).parse(page.html)
    headings = page.all("h1")
    assert len(headings) == 1, f"{page.path} has {len(headings)} h1"
    assert page.heading in page.title, f"{page.path}: title {page.title!r} does not say {page.heading!r}"
    Tags(page).feed(page.html)
    ids = [e.get("id") for e in page.tree.iter() if isinstance(e.tag, str) and e.get("id")]
    assert len(ids) == len(set(ids)), f"{page.path}: ids twice: {sorted({i for i in ids if ids.count(i) > 1})}"
    for a in page.all("a"):
        href = a.get("href", "")
        if href.startswith("#"):
            assert href[1:] in ids, f"{page.path}: {href} leads nowhere"
    for form in page.all("form"):
        if form.get("method", "get").lower() == "post":
            names = {e.get("name") for e in form.iter(f"{PREFIX}input")}
            wanted = {"csrf_token"} if form.get("action") in SIGNING else {"csrf_token", "key"}
            assert wanted <= names, f"{page.path}: a form to {form.get('action')} lacks {wanted - names}"
    has_errors = any("There is a problem" in "".join(e.itertext()) for e in page.all("h2"))
    assert page.title.startswith("Error: ") == has_errors, f"{page.path}: {page.title}"


class Tags(HTMLParser):
    """Looks at every tag for what the content security policy would stop."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page
        self.nonce = re.search(r"'nonce-([^']+)'", page.headers["Content-Security-Policy"]).group(1)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        given = dict(attrs)
        if tag == "script" and "src" not in given and given.get("type") != "application/json":
            assert given.get("nonce") == self.nonce, f"{self.page.path}: an inline script without the nonce"
        assert tag != "style", f"{self.page.path}: an inline stylesheet"
        banned = [name for name in given if name == "style" or name.startswith("on")]
        assert not banned, f"{self.page.path}: <{tag}> has {banned}"


def a_day(name: str, day: int, month: int, year: int) -> dict[str, str]:
    """A date as its three boxes."""
    return {f"{name}-day": str(day), f"{name}-month": str(month), f"{name}-year": str(year)}
