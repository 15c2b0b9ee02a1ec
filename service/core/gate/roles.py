"""The roles of a deployment: how far each reaches, how much of a case it sees, and what it reads only after a task."""

from collections.abc import Iterator, Mapping
from typing import Any

from service.core.access import class_of
from service.core.gate.finding import Finding
from service.core.gate.model import Bundle
from service.core.reach import REACHES, SIGHTS

KNOWN = {"class", "after", "own"}
FILE = "processes/roles.json"


def findings(bundle: Bundle) -> Iterator[Finding]:
    """Yield what is wrong with the reach and the reading of roles; roles of before there was reach are let through."""
    rows = bundle.named("roles.json")
    roles = [row for row in rows if isinstance(row, Mapping) and "id" in row] if isinstance(rows, list) else []
    path = next((p for p in bundle.json if p.endswith("roles.json")), FILE)
    said = any("reach" in role for role in roles)
    tasks = {node.id for scope in bundle.running for node in scope.of_kind("userTask")}
    for role in roles:
        if said:
            yield from _reach(path, role)
        reads = role.get("reads", [])
        for read in reads if isinstance(reads, list) else []:
            yield from _read(path, role, read, tasks)


def _reach(path: str, role: Mapping[str, Any]) -> Iterator[Finding]:
    if role.get("reach") not in REACHES:
        found = "says no reach" if "reach" not in role else f"has the reach “{role['reach']}”, which is unknown"
        yield _wrong(path, f"The role “{role['id']}” {found}.", f"Write one of {', '.join(REACHES)}.")
    if role.get("sees", SIGHTS[0]) not in SIGHTS:
        mend = f"Write one of {', '.join(SIGHTS)}, or leave it out."
        yield _wrong(path, f"The role “{role['id']}” sees “{role['sees']}”, which is unknown.", mend)


def _read(path: str, role: Mapping[str, Any], read: object, tasks: set[str]) -> Iterator[Finding]:
    if isinstance(read, str):
        return
    if not isinstance(read, Mapping) or not class_of(read) or set(read) - KNOWN:
        mend = "Write the name of a class, or its class, after and own."
        yield _wrong(path, f"What the role “{role['id']}” reads cannot be understood: {read}.", mend)
    elif "after" in read and read["after"] not in tasks:
        message = f"The role “{role['id']}” reads “{class_of(read)}” after “{read['after']}”, which is no user task."
        yield _wrong(path, message, "Write the id of a user task of the diagrams that are run.")


def _wrong(path: str, message: str, mend: str) -> Finding:
    return Finding(path, None, None, "error", "role-reach", message, mend)
