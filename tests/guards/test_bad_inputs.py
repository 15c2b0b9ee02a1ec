"""The ninety-six bad inputs: each with the answer it gets and the test that gives it that input and looks.

``bad_inputs.csv`` is the list. A row holds only while its test is there, and while the input itself, where it can be
spelt, stands among the tests.
"""

import ast
import csv
import json
from collections.abc import Iterator
from functools import cache

import pytest

from tree import ROOT, SERVICE, files

TESTS = ROOT / "tests"
ROWS = list(csv.DictReader((TESTS / "bad_inputs.csv").read_text().splitlines()))


@cache
def functions_of(path: str) -> frozenset[str]:
    tree = ast.parse((TESTS / path).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@cache
def written(place: str) -> str:
    """The file of a test, and what tests share beside it: builders, and the battery of expressions."""
    texts = [path.read_text() for path in (TESTS / place, *sorted(TESTS.glob("*.py")))]
    battery = json.loads((TESTS / "core" / "data" / "expressions.json").read_text())
    return "\n".join((*texts, *_texts(battery)))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def test_there_are_ninety_six_of_them():
    assert [int(row["number"]) for row in ROWS] == list(range(1, 97))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['number']}: {row['input'][:40]}")
def test_each_has_a_test_that_tries_it(row):
    place, _, name = row["test"].partition("::")
    assert name in functions_of(place)
    assert row["answer"]
    assert row["literal"] in written(place)


def test_there_is_no_door_yet_for_files():
    """Once there is one, row 82 of the list needs tests of its own."""
    assert [path.name for path in files(SERVICE, ".py") if "request.files" in path.read_text()] == []
