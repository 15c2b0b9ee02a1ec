"""How far a role reaches, read from the roles of a definition: which cases it meets, and how much of each.

A role says ``reach``: ``all`` cases of its partnership, those it is ``called`` to (a task of its group was opened in
them), or those somebody of it was ``named`` for; and ``sees``: the course of the whole ``case``, or only what is its
``own``. What a role does not say it does not have.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ALL, CALLED, NAMED = "all", "called", "named"
REACHES = (ALL, CALLED, NAMED)
CASE, OWN = "case", "own"
SIGHTS = (CASE, OWN)


@dataclass(frozen=True, slots=True)
class Reach:
    """One role's reach: ``whole`` if it sees the course of a case, ``of_agency`` if it belongs to an agency.

    ``tends`` marks those who look after cases without seeing them: who mends what the engine could not finish, and who
    moves cases to another version of the process. They meet a case by its code alone.
    """

    role: str
    reach: str
    whole: bool
    of_agency: bool
    tends: bool


def reaches(roles: Mapping[str, Mapping[str, Any]]) -> list[Reach]:
    """The reach of each role of a definition.

    Roles of before there was reach say nothing at all of it: then everybody is called, and who belongs to no agency
    sees the case. As soon as one role says it, silence means ``named`` and ``own``.
    """
    older = not any("reach" in role for role in roles.values())
    return [_reach(role, of_before=older) for role in roles.values()]


def _reach(role: Mapping[str, Any], *, of_before: bool) -> Reach:
    of_agency = role.get("scope") == "agency"
    if of_before:
        reach, whole = CALLED, not of_agency
    else:
        reach, whole = str(role.get("reach", NAMED)), role.get("sees") == CASE
    tends = bool(role.get("operates") or role.get("edits_processes"))
    return Reach(str(role["id"]), reach if reach in REACHES else NAMED, whole, of_agency, tends)
