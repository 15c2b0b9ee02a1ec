"""The list of duties: each row well written, its clauses known, and every place it names really there."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from service.core import trace
from service.core.gate.finding import Finding
from service.core.gate.model import Bundle

SHAPE: dict[str, type] = {"id": str, "clause": str, "duty": str, "held_by": list}


def findings(bundle: Bundle) -> Iterator[Finding]:
    """Yield what is wrong with ``processes/trace.json``, if there is one."""
    if trace.FILE not in bundle.json:
        return
    found = bundle.json[trace.FILE]
    if not isinstance(found, list):
        yield _error(None, "trace", "The trace is not a list of rows.", "Write it as a list.")
        return
    yield from _twice(found)
    living, clauses = _living(bundle), _clauses(bundle)
    for row in found:
        wrong = _misshapen(row)
        if wrong:
            yield wrong
            continue
        yield from _row(row, living, clauses)


def _misshapen(row: object) -> Finding | None:
    if isinstance(row, Mapping) and all(isinstance(row.get(k), kind) for k, kind in SHAPE.items()):
        return None
    name = row.get("id") if isinstance(row, Mapping) else None
    message = "A row of the trace needs “id”, “clause” and “duty” as texts, and “held_by” as a list of places."
    return _error(name if isinstance(name, str) else None, "trace", message, "Write all four.")


def _twice(found: list[Any]) -> Iterator[Finding]:
    ids = Counter(str(r["id"]) for r in found if isinstance(r, Mapping) and "id" in r)
    for name in (n for n, count in ids.items() if count > 1):
        message = f"The trace has {ids[name]} rows “{name}”, so nobody could say which a scenario proves."
        yield _error(name, "trace-twice", message, "Give each row an id of its own.")


def _row(row: Mapping[str, Any], living: set[str], clauses: set[str] | None) -> Iterator[Finding]:
    for clause in row["clause"].replace(",", " ").split():
        if clauses is not None and clause not in clauses:
            message = f"{row['id']} comes from the clause “{clause}”, which is not in the list of clauses."
            mend = "Correct the number, or add the clause to processes/clauses.json."
            yield _error(row["id"], "clause-unknown", message, mend)
    for place in row["held_by"]:
        if place not in living:
            message = f"{row['id']} is held by “{place}”, which does not exist."
            yield _error(str(place), "place-unknown", message, "Name the place that holds it now, or take it out.")


def _living(bundle: Bundle) -> set[str]:
    found = {f"{scope.process}/{node}" for scope in bundle.scopes for node in scope.nodes}
    for key, form in bundle.forms().items():
        found |= set(trace.form_places(key, form)) if isinstance(form, Mapping) else set()
    paths = [*bundle.json, *(table.path for table in bundle.tables)]
    found |= {place for path in paths if (place := trace.file_place(path))}
    roles = bundle.named("roles.json")
    for role in roles if isinstance(roles, list) else ():
        found |= {f"roles/{role.get('id')}"} if isinstance(role, Mapping) else set()
    return found | ({"agencies"} if bundle.named("agencies.json") else set())


def _clauses(bundle: Bundle) -> set[str] | None:
    found = bundle.named("clauses.json")
    if not isinstance(found, list):
        return None
    return {str(c.get("id")) for c in found if isinstance(c, Mapping)}


def _error(element: str | None, rule: str, message: str, mend: str) -> Finding:
    return Finding(trace.FILE, None, element, "error", rule, message, mend)
