"""Who may do and see what: one rule in one place. Denied unless a membership allows it.

A membership gives a person a role in a partnership, for one case or for all of them, narrowed to an agency where the
role belongs to one. What roles mean is data of the definition (``processes/roles.json``), not code: how far each
reaches is told in ``reach``, what it reads in ``reads``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.core.definitions import ProcessDefinition


@dataclass(frozen=True, slots=True)
class Membership:
    """A role held in a partnership; ``agency`` narrows it, ``instance_id`` limits it to one case."""

    role: str
    agency: str | None
    partnership: str
    instance_id: str | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """A signed-in person: account id, name, e-mail address and memberships valid now.

    Two accounts of one person have the same ``person_id``; it is the account's own id where nothing else is known.

    As one case meets them (``store.people.as_in``), ``memberships`` are those that reach it, ``whole`` says whether any
    of them sees its whole course, and ``passed`` holds the tasks done in it, as (element id, agency or ``None``).
    """

    account_id: str
    name: str
    email: str
    memberships: tuple[Membership, ...]
    whole: bool = False
    passed: frozenset[tuple[str, str | None]] = frozenset()
    person_id: str = ""

    @property
    def person(self) -> str:
        """Who acts, whichever of their accounts they use."""
        return self.person_id or self.account_id

    @property
    def roles(self) -> frozenset[str]:
        """The ids of the roles this person holds anywhere."""
        return frozenset(m.role for m in self.memberships)

    @property
    def agencies(self) -> frozenset[str]:
        """The ids of the agencies this person belongs to."""
        return frozenset(m.agency for m in self.memberships if m.agency)

    @property
    def partnerships(self) -> frozenset[str]:
        """The ids of the partnerships this person belongs to."""
        return frozenset(m.partnership for m in self.memberships)


def may_do(actor: Actor, role: str | None, agency: str | None) -> bool:
    """Whether a task of this candidate group is the actor's to do."""
    return any(m.role == role and (agency is None or m.agency == agency) for m in actor.memberships)


def may_start(definition: ProcessDefinition, actor: Actor, message: str) -> bool:
    """Whether the actor may start a case by this message."""
    return bool(starts_for(definition, actor, message))


def starts_for(definition: ProcessDefinition, actor: Actor, message: str) -> frozenset[str]:
    """The partnerships for which the actor may start a case by this message; a role in one case starts no other."""
    return frozenset(
        m.partnership
        for m in actor.memberships
        if m.instance_id is None and message in definition.roles.get(m.role, {}).get("starts", ())
    )


def may_send(definition: ProcessDefinition, actor: Actor, message: str, item: str | None = None) -> bool:
    """Whether the actor may send this message to a case that waits for it: the receiving step names the role.

    A message about one ``item`` is, for a role of an agency, its own agency's alone.
    """
    role = definition.message_element(message).role
    return may_do(actor, role, message_agency(definition, message, item))


def message_agency(definition: ProcessDefinition, message: str, item: str | None) -> str | None:
    """The agency a message about ``item`` is from: the item itself where the role that sends it belongs to agencies."""
    role = definition.message_element(message).role
    return item if definition.roles.get(role or "", {}).get("scope") == "agency" else None


def may_read(definition: ProcessDefinition, actor: Actor, access: str, owner_agency: str | None) -> bool:
    """Whether the actor, as the case meets them, may read records of a class.

    An agency's record is open to its own people of a reading role, and to those whose role belongs to no agency. A role
    may read a class only ``after`` a task was done: one of an agency opens that agency's records, one of none all. What
    it reads only as its ``own`` has to belong to its agency.
    """
    return any(
        _reads(read, held, of_agency=role.get("scope") == "agency", owner=owner_agency, passed=actor.passed)
        for held in actor.memberships
        for role in (definition.roles.get(held.role, {}),)
        for read in role.get("reads", ())
        if class_of(read) == access
    )


def class_of(read: str | Mapping[str, Any]) -> str:
    """The class that an entry of a role's ``reads`` is about."""
    return read if isinstance(read, str) else str(read.get("class", ""))


def _reads(
    read: str | Mapping[str, Any], held: Membership, *, of_agency: bool, owner: str | None,
    passed: frozenset[tuple[str, str | None]],
) -> bool:  # fmt: skip
    if of_agency and owner is not None and held.agency != owner:
        return False
    if isinstance(read, str):
        return True
    if read.get("own") and owner != held.agency:
        return False
    after = read.get("after")
    return after is None or bool({(after, None), (after, owner)} & passed)


def may_take(document: Mapping[str, Any], actor: Actor) -> bool:
    """Whether the actor, as the case meets them, may take a document: it lists the roles it is for."""
    return any(membership.role in document["roles"] for membership in actor.memberships)


def edits_processes(definition: ProcessDefinition, actor: Actor) -> bool:
    """Whether the actor is a process owner."""
    return any(definition.roles.get(r, {}).get("edits_processes") for r in actor.roles)


def audits(definition: ProcessDefinition, actor: Actor) -> bool:
    """Whether the actor audits histories."""
    return any(definition.roles.get(r, {}).get("audits") for r in actor.roles)


def operates(definition: ProcessDefinition, actor: Actor) -> bool:
    """Whether the actor puts right what the engine could not finish."""
    return any(definition.roles.get(r, {}).get("operates") for r in actor.roles)


def may_hold(definition: ProcessDefinition, actor: Actor) -> bool:
    """Whether the actor, as the case meets them, may put it on hold, let it go on, or cancel it."""
    return any(definition.roles.get(r, {}).get("holds_cases") for r in actor.roles)


def grants_access(definition: ProcessDefinition, actor: Actor) -> bool:
    """Whether the actor, as the case meets them, says who may see it."""
    return any(definition.roles.get(m.role, {}).get("grants_access") for m in actor.memberships)


def approving_role(definition: ProcessDefinition, actor: Actor) -> str | None:
    """The role in which the actor, as the case meets them, agrees or objects to departures; ``None`` if in none."""
    roles = (m.role for m in actor.memberships)
    return next((role for role in roles if definition.roles.get(role, {}).get("approves_departures")), None)


def may_read_departures(
    definition: ProcessDefinition, actor: Actor, access: str, owner_agency: str | None
) -> bool:
    """Whether the actor may read why a record of a class departs from a rule.

    So may everybody who may read the record, and whoever agrees or objects to departures: nobody can judge unread.
    """
    return approving_role(definition, actor) is not None or may_read(definition, actor, access, owner_agency)


def may_assign(definition: ProcessDefinition, actor: Actor, role: str | None, agency: str | None) -> bool:
    """Whether the actor may say who does a task of this candidate group.

    A role lists in ``assigns`` the roles whose tasks it gives out; a role of an agency does so in its agency only.
    """
    for held in actor.memberships:
        own = definition.roles.get(held.role, {})
        if role in own.get("assigns", ()) and (own.get("scope") != "agency" or held.agency == agency):
            return True
    return False
