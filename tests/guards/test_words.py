"""The service knows no case: what is particular to one kind of review lives in processes/ and forms/ only."""

import re

import pytest

from tree import ROOT, SERVICE, files

SUFFIXES = (".py", ".html", ".js", ".mjs", ".css", ".svg", ".txt", ".mako")
OF_THE_DOMAIN = (
    "homicide",
    "dhr",
    "domestic",
    "victim",
    "perpetrator",
    "safeguarding",
    "home office",
    "review panel",
    "overview report",
    "community safety",
    "lscb",
    "coroner",
    "police",
    "bereave",
    "imr",
    "ssp",
    "terms of reference",
)
OF_A_MACHINE = (r"/home/", r"/root/", r"/work/", r"/Users/", r"[A-Z]:\\\\Users", r"\.pyenv")

AROUND = ("README.md", "Makefile", "pyproject.toml", "Dockerfile", "docker-compose.yml")


def texts(*roots):
    return {path.relative_to(ROOT).as_posix(): path.read_text() for root in roots for path in files(root, *SUFFIXES)}


@pytest.mark.parametrize("word", OF_THE_DOMAIN)
def test_the_service_does_not_know_what_it_serves(word):
    pattern = re.compile(rf"(?<![a-z]){re.escape(word)}", re.IGNORECASE)
    lines = (
        (name, number, line)
        for name, text in texts(SERVICE).items()
        for number, line in enumerate(text.splitlines(), 1)
    )
    assert [f"{name}:{number}" for name, number, line in lines if pattern.search(line)] == []


def test_nothing_names_a_place_on_one_machine():
    pattern = re.compile("|".join(OF_A_MACHINE))
    written = texts(SERVICE, ROOT / "tests") | {name: (ROOT / name).read_text() for name in AROUND}
    found = [name for name, text in written.items() if pattern.search(text) and not name.endswith("test_words.py")]
    assert found == []
