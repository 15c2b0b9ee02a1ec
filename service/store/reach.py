"""Need to know, as clauses over ``process_instance`` and ``user_task``: every list, page and use case obeys them.

How far a role reaches is a row of ``role_reach``, brought up to date by each deployment, so the database itself decides
and a list stays one query. Who is shut out of a case is out of all of it: deny beats allow.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, delete, exists, false, insert, not_, or_, select

from service.core import reach
from service.core.access import Actor, Membership
from service.store.tables import account, denial, membership, ownership, process_instance, role_reach, user_task

_called = user_task.alias("called")


def write(db: Connection, roles: Mapping[str, Mapping[str, Any]]) -> None:
    """Let the reach of the roles of the current definition count from now on."""
    db.execute(delete(role_reach))
    rows = [{n: getattr(one, n) for n in reach.Reach.__slots__} for one in reach.reaches(roles)]
    if rows:
        db.execute(insert(role_reach), rows)


def visible(actor: Actor) -> ColumnElement[bool]:
    """The one clause of need to know, over ``process_instance``: the cases the actor may know of."""
    return and_(or_(false(), *(reaches(m) for m in actor.memberships)), not_shut_out(actor))


def reaches(held: Membership) -> ColumnElement[bool]:
    """Whether a membership reaches a case: it is for that case, or its role reaches all or was called to it."""
    if held.instance_id is not None:
        return and_(_owned(held), process_instance.c.id == held.instance_id)
    was_called = exists().where(
        _called.c.instance_id == process_instance.c.id, _called.c.role == held.role,
        or_(_called.c.agency.is_(None), _called.c.agency == (held.agency or "")),
    )  # fmt: skip
    far = or_(_says(held, reach.ALL), and_(_says(held, reach.CALLED), was_called))
    return and_(_owned(held), far)


def tended(actor: Actor) -> ColumnElement[bool]:
    """The cases whose incidents are the actor's to put right, over ``process_instance``; they see no more of them."""
    found = (and_(_owned(m), _is(m, role_reach.c.tends)) for m in actor.memberships if m.instance_id is None)
    return and_(or_(false(), *found), not_shut_out(actor))


def whole(actor: Actor) -> ColumnElement[bool]:
    """Of the visible cases, those whose whole course the actor may see."""
    return or_(false(), *(and_(_is(m, role_reach.c.whole), reaches(m)) for m in actor.memberships))


def seen(actor: Actor) -> ColumnElement[bool]:
    """Over ``user_task`` joined to its case: the tasks the actor may know of.

    All of a case for those who see its whole course, else those of the agency, or of the group, they belong to.
    """
    groups = (
        and_(
            reaches(m),
            or_(
                _is(m, role_reach.c.whole),
                and_(_is(m, role_reach.c.of_agency), user_task.c.agency == (m.agency or "")),
                of_group(m),
            ),
        )
        for m in actor.memberships
    )
    return and_(or_(false(), *groups), not_shut_out(actor))


def of_group(held: Membership) -> ColumnElement[bool]:
    """Over ``user_task``: the tasks of the group a membership belongs to."""
    of_agency = or_(user_task.c.agency.is_(None), user_task.c.agency == (held.agency or ""))
    return and_(user_task.c.role == held.role, of_agency)


def not_shut_out(actor: Actor) -> ColumnElement[bool]:
    """That neither the actor nor an agency they belong to is shut out of the case."""
    agencies = sorted({m.agency for m in actor.memberships if m.agency})
    shut = exists().where(
        denial.c.instance_id == process_instance.c.id, denial.c.lifted_seq.is_(None),
        or_(denial.c.account_id == actor.account_id, denial.c.agency.in_(agencies) if agencies else false()),
    )  # fmt: skip
    return not_(shut)


def holds_for(instance_id: str) -> ColumnElement[bool]:
    """Over ``membership`` joined to ``account``: those that count in one case, of people who are not shut out of it.

    Whether a task called them is not asked: this is for the task that calls.
    """
    theirs = membership.alias("theirs")
    named_only = exists().where(
        role_reach.c.role == membership.c.role, role_reach.c.reach == reach.NAMED, not_(role_reach.c.tends)
    )
    shut = exists().where(
        denial.c.instance_id == instance_id, denial.c.lifted_seq.is_(None),
        or_(
            denial.c.account_id == account.c.id,
            denial.c.agency.in_(select(theirs.c.agency).where(theirs.c.account_id == account.c.id)),
        ),
    )  # fmt: skip
    here = or_(membership.c.instance_id == instance_id, and_(membership.c.instance_id.is_(None), not_(named_only)))
    return and_(here, not_(shut))


def held_in(db: Connection, actor: Actor, instance_id: str) -> tuple[tuple[Membership, ...], bool]:
    """The memberships that reach a case, or tend it, and whether any of them sees its whole course."""
    if not actor.memberships:
        return (), False
    counts = [or_(reaches(m), and_(_owned(m), _is(m, role_reach.c.tends))) for m in actor.memberships]
    columns = [_one(c).label(f"m{n}") for n, c in enumerate(counts)]
    wanted = select(_one(whole(actor)).label("whole"), *columns)
    row = db.execute(wanted.where(process_instance.c.id == instance_id, not_shut_out(actor))).one_or_none()
    if row is None:
        return (), False
    return tuple(m for m, here in zip(actor.memberships, row[1:], strict=True) if here), bool(row.whole)


def reaching(db: Connection, actor: Actor, instance_id: str) -> tuple[Membership, ...]:
    """The memberships that let the actor know of a case; not those by which they only tend it."""
    if not actor.memberships:
        return ()
    columns = [_one(reaches(m)).label(f"m{n}") for n, m in enumerate(actor.memberships)]
    wanted = select(*columns).where(process_instance.c.id == instance_id, not_shut_out(actor))
    row = db.execute(wanted).one_or_none()
    return tuple(m for m, here in zip(actor.memberships, row, strict=True) if here) if row is not None else ()


def passed(db: Connection, instance_id: str) -> frozenset[tuple[str, str | None]]:
    """The tasks that were done in a case, each as its element and the agency that did it, if it was one's."""
    done = (user_task.c.instance_id == instance_id, user_task.c.outcome == "completed")
    rows = db.execute(select(user_task.c.element_id, user_task.c.agency).where(*done).distinct())
    return frozenset((row.element_id, row.agency) for row in rows)


def _one(clause: ColumnElement[bool]) -> ColumnElement[int]:
    return case((clause, 1), else_=0)


def _owned(held: Membership) -> ColumnElement[bool]:
    return exists().where(
        ownership.c.instance_id == process_instance.c.id, ownership.c.partnership_id == held.partnership
    )


def _says(held: Membership, how: str) -> ColumnElement[bool]:
    return _is(held, role_reach.c.reach == how)


def _is(held: Membership, what: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(role_reach.c.role == held.role, what)

