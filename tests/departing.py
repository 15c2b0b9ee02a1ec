"""The small definition with rules that may be departed from: at its start, at a task, and at a message."""

import json
from collections.abc import Mapping

from build import MINI
from service.core.definitions import ProcessDefinition, definition_of
from service.runtime.bundles import read_folder

WHY = "The owner was away and the tree could be seen from the road."
SAID = {"reasons": WHY, "effect": "The check was made from the road.", "until": None}
SHORT = {"complete": "yes", "notes": "Fine"}
TWICE = {"complete": "no", "notes": "Fine"}
UNKNOWN = {"address": "unknown", "work": "felling", "received_on": "2013-05-29"}
RULES = {
    "application": [("unnamed", 'address == "unknown"', "address", "1", "An application names its tree.")],
    "check": [
        ("unseen", "len(notes) < 5", "notes", "1", "A check says what was seen on the spot."),
        ("unasked", 'complete == "no" and len(notes) < 5', "complete", "1 2", "What is missing is asked for."),
    ],
    "more_time": [("unapproved", "departures_open > 0", "extended_to", "2", "More time waits for approvals.")],
}


def files(**replaced: str) -> dict[str, str]:
    """The files of the definition; ``replaced`` are further ones, ``forms__x`` meaning ``forms/x.json``."""
    found = read_folder(MINI)
    for key, rules in RULES.items():
        form = json.loads(found[f"forms/{key}.json"])
        form["rules"] = [r for r in form.get("rules", []) if r["id"] != "incomplete"] + [_rule(*r) for r in rules]
        found[f"forms/{key}.json"] = json.dumps(form)
    roles = json.loads(found["processes/roles.json"])
    found["processes/roles.json"] = json.dumps([r | {"approves_departures": r["id"] == "officer"} for r in roles])
    return {**found, **{f"{name.replace('__', '/')}.json": text for name, text in replaced.items()}}


def _rule(name: str, when: str, field: str, clause: str, message: str) -> Mapping[str, str]:
    return {
        "id": name, "when": when, "kind": "departure", "field": field, "clause": clause,
        "message": message,
    }  # fmt: skip


def definition() -> ProcessDefinition:
    return definition_of(files())
