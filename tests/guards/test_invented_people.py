"""Nobody in diagrams, forms, scenarios and practice cases can be reached: addresses and numbers are reserved ones."""

import re

import pytest

from tree import ROOT, files

EMAIL = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)")
RESERVED = re.compile(r"(^|\.)example(\.(com|org|net))?$|\.(test|invalid|example)$")
PHONE = re.compile(r"(?<![\w.-])(?:\+44|0044|0)[ -]?\d(?:[ -]?\d){8,9}(?![\w.-])")
FICTION = re.compile(r"^(?:\+44|0044|0)(?:7700900|1632960|20794600|2079460)\d{2,4}$")
WRITTEN = (
    files(ROOT / "processes")
    + files(ROOT / "forms")
    + files(ROOT / "tests", ".py", ".json", ".yaml", ".bpmn")
    + files(ROOT / "service", ".py", ".html", ".json")
)


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_address_or_number_could_belong_to_somebody(path):
    text = path.read_text()
    addresses = [hit.group(0) for hit in EMAIL.finditer(text) if not RESERVED.search(hit.group(1).lower())]
    numbers = [hit.group(0) for hit in PHONE.finditer(text) if not FICTION.match(re.sub(r"[ -]", "", hit.group(0)))]
    assert (addresses, numbers) == ([], [])


def test_the_patterns_see_what_they_must():
    assert EMAIL.search("write to someone@" + "council.gov.uk").group(1) == "council.gov.uk"
    assert not RESERVED.search("council.gov.uk")
    assert RESERVED.search("council.example")
    assert PHONE.search("ring 020" + " 7123 4567")
    assert not FICTION.match("020" + "71234567")
    assert FICTION.match("07700900123")
