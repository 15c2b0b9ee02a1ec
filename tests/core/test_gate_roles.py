"""The gate looks at how far roles reach and at what they read only after a task."""

import json

import pytest

from build import MINI
from service.core.gate import check
from service.runtime.bundles import read_folder

FILE = "processes/roles.json"


def found(change):
    files = read_folder(MINI)
    roles = json.loads(files[FILE])
    change(roles)
    return [f.message for f in check({**files, FILE: json.dumps(roles)}) if f.rule == "role-reach"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda roles: roles[0].pop("reach"), "says no reach"),
        (lambda roles: roles[0].update(reach="far"), "“far”, which is unknown"),
        (lambda roles: roles[0].update(sees="much"), "sees “much”"),
        (lambda roles: roles[0]["reads"].append({"class": "application", "after": "no_such"}), "“no_such”, which is"),
        (lambda roles: roles[0]["reads"].append({"class": "application", "when": "x"}), "cannot be understood"),
        (lambda roles: roles[0]["reads"].append({"after": "check"}), "cannot be understood"),
    ],
)
def test_a_role_that_cannot_be_understood_is_refused(change, words):
    (message,) = found(change)
    assert words in message


def test_roles_that_say_their_reach_and_roles_of_before_there_was_any_are_let_in():
    assert found(lambda roles: roles[0]["reads"].append({"class": "application", "after": "check", "own": True})) == []
    assert found(lambda roles: [role.pop("reach") for role in roles]) == []
