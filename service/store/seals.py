"""The log as it is kept: which step stands where in it, and the checkpoints signed over it. Both only ever grow."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, insert, select

from service.core.merkle import Frontier
from service.store.tables import checkpoint, leaf, process_instance, step

PAGE = 10_000
HASH_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Kept:
    """A checkpoint as it is kept. ``root`` is hexadecimal, ``note`` the signed text."""

    size: int
    root: str
    frontier: str
    note: str
    at: datetime

    def grown(self) -> Frontier:
        """The frontier of the log at this size. Raises ``ValueError`` when what is kept is none."""
        digits = range(0, len(self.frontier), HASH_DIGITS)
        return Frontier(self.size, tuple(bytes.fromhex(self.frontier[i : i + HASH_DIGITS]) for i in digits))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step stands in the log: ``step_hash`` is what the step says today, ``None`` when it is gone."""

    index: int
    instance_id: str
    seq: int
    hash: str
    step_hash: str | None


def newest(db: Connection) -> Kept | None:
    """The checkpoint of the whole log, or ``None`` while nothing has been sealed."""
    row = db.execute(select(checkpoint).order_by(checkpoint.c.size.desc()).limit(1)).one_or_none()
    return None if row is None else Kept(*row)


def at_size(db: Connection, size: int) -> Kept | None:
    """The checkpoint at a size."""
    row = db.execute(select(checkpoint).where(checkpoint.c.size == size)).one_or_none()
    return None if row is None else Kept(*row)


def checkpoints(db: Connection) -> list[Kept]:
    """Every checkpoint, the smallest first."""
    return [Kept(*row) for row in db.execute(select(checkpoint).order_by(checkpoint.c.size))]


def unnumbered(db: Connection, most: int) -> list[tuple[str, int, str]]:
    """At most ``most`` steps that stand nowhere in the log yet: instance, number, hash.

    The steps of one instance come in order and without a gap, so what is sealed of it is always its beginning. That
    holds because a case's steps are committed one after another under its lock.
    """
    found: list[tuple[str, int, str]] = []
    for instance_id, sealed in _growing(db, most):
        after = (step.c.instance_id == instance_id, step.c.seq > sealed)
        wanted = select(step.c.instance_id, step.c.seq, step.c.hash).where(*after).order_by(step.c.seq)
        found += [(row.instance_id, row.seq, row.hash) for row in db.execute(wanted.limit(most - len(found)))]
        if len(found) >= most:
            break
    return found


def _growing(db: Connection, most: int) -> list[tuple[str, int]]:
    """Instances with a step that stands nowhere yet, and how far each is sealed: two looks into an index for each."""
    sealed = select(func.max(leaf.c.seq)).where(leaf.c.instance_id == process_instance.c.id).scalar_subquery()
    head = select(func.max(step.c.seq)).where(step.c.instance_id == process_instance.c.id).scalar_subquery()
    upto = func.coalesce(sealed, 0)
    wanted = select(process_instance.c.id, upto).where(head > upto).order_by(process_instance.c.id).limit(most)
    return [(instance_id, seq) for instance_id, seq in db.execute(wanted)]


def extend(db: Connection, fresh: Sequence[tuple[str, int, str]], frontier: Frontier, note: str, at: datetime) -> None:
    """Give ``fresh`` the last places of the log and keep its checkpoint; ``frontier`` already counts them."""
    first = frontier.size - len(fresh)
    rows = [{"index": first + n, "instance_id": i, "seq": s, "hash": h} for n, (i, s, h) in enumerate(fresh)]
    db.execute(insert(leaf), rows)
    peaks = "".join(peak.hex() for peak in frontier.peaks)
    row = {"size": frontier.size, "root": frontier.root.hex(), "frontier": peaks, "note": note, "at": at}
    db.execute(insert(checkpoint).values(row))


def places(db: Connection) -> Iterator[Place]:
    """The whole log in order, each place with the step it names as that stands today."""
    with_step = leaf.outerjoin(step, and_(step.c.instance_id == leaf.c.instance_id, step.c.seq == leaf.c.seq))
    wanted = select(leaf, step.c.hash.label("step_hash")).select_from(with_step).order_by(leaf.c.index)
    after = -(2**31)
    # In pages: PostgreSQL gives up on a statement, and on a reader, that takes long.
    while page := db.execute(wanted.where(leaf.c.index > after).limit(PAGE)).all():
        yield from (Place(*row) for row in page)
        after = page[-1][0]


def hashes(db: Connection, size: int) -> list[str]:
    """The hashes of the first ``size`` places, in order."""
    wanted = select(leaf.c.hash).where(leaf.c.index < size).order_by(leaf.c.index)
    return list(db.execute(wanted).scalars())


def places_of(db: Connection, instance_id: str, size: int) -> list[tuple[int, int]]:
    """The number and the place in the log of each step of an instance, as far as the first ``size`` places."""
    wanted = select(leaf.c.seq, leaf.c.index).where(leaf.c.instance_id == instance_id, leaf.c.index < size)
    return [(seq, index) for seq, index in db.execute(wanted.order_by(leaf.c.seq))]


def outside(db: Connection) -> list[tuple[str, int, datetime]]:
    """Every step that stands nowhere in the log: instance, number, instant."""
    both = and_(leaf.c.instance_id == step.c.instance_id, leaf.c.seq == step.c.seq)
    wanted = select(step.c.instance_id, step.c.seq, step.c.at).outerjoin(leaf, both).where(leaf.c.index.is_(None))
    return [(row.instance_id, row.seq, row.at) for row in db.execute(wanted.order_by(step.c.instance_id, step.c.seq))]
