"""Failed tries to enter, counted in the database: the count holds across processes and restarts.

After some failures the next try has to wait, longer each time, up to a quarter of an hour; so a password cannot be
guessed, and nobody can shut somebody else out for a day. What is counted is named by a hash: neither people's addresses
nor of networks are kept. An address nobody has is counted like any other, so waiting tells nothing.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from service.core.errors import Rejection
from service.store.tables import failed_try

FORGOTTEN_AFTER = timedelta(hours=24)
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(minutes=15)


class TooManyTries(Rejection):
    """Too many tries failed; ``until`` is the instant from which the next one is looked at."""

    def __init__(self, until: datetime, at: datetime) -> None:
        minutes = max(1, -int(-(until - at).total_seconds() // 60))
        words = "1 minute" if minutes == 1 else f"{minutes} minutes"
        super().__init__(f"There were too many failed tries. Wait {words}, then try again.")
        self.until = until


@dataclass(frozen=True, slots=True)
class Counted:
    """Something failures are counted for: a kind, what it is, and how many are free before waiting begins."""

    kind: str
    what: str
    free: int

    @property
    def id(self) -> str:
        """What is kept of it."""
        return hashlib.sha256(f"{self.kind}:{self.what}".encode(errors="replace")).hexdigest()


def of_address(email: str) -> Counted:
    """Failures with one e-mail address."""
    return Counted("email", email.strip().lower(), 5)


def of_network(address: str) -> Counted:
    """Failures from one network address, behind which a whole office may sit."""
    return Counted("network", address, 30)


def of_second_factor(account_id: str) -> Counted:
    """Failures with the second factor of an account, whose password is known to whoever tries."""
    return Counted("second", account_id, 5)


def require_open(db: Connection, counted: tuple[Counted, ...], at: datetime) -> None:
    """Raise ``TooManyTries`` while any of them has to wait."""
    ids = [one.id for one in counted]
    waits = select(failed_try.c.shut_until).where(failed_try.c.id.in_(ids), failed_try.c.shut_until > at)
    until = max(db.execute(waits).scalars(), default=None)
    if until is not None:
        raise TooManyTries(until, at)


def failed(db: Connection, counted: tuple[Counted, ...], at: datetime) -> None:
    """Count a failure for each of them."""
    for one in sorted(counted, key=lambda each: each.id):  # in one order, so that two writers never wait for each other
        failures = _count(db, one, at)
        over = failures - one.free
        if over >= 0:
            wait = min(FIRST_WAIT * 2 ** min(over, 10), LONGEST_WAIT)
            db.execute(update(failed_try).where(failed_try.c.id == one.id).values(shut_until=at + wait))


def succeeded(db: Connection, counted: Counted) -> None:
    """Forget the failures of something that was right at last."""
    db.execute(delete(failed_try).where(failed_try.c.id == counted.id))


def _count(db: Connection, one: Counted, at: datetime) -> int:
    this = failed_try.c.id == one.id
    db.execute(delete(failed_try).where(this, failed_try.c.last_at < at - FORGOTTEN_AFTER))
    more = update(failed_try).where(this).values(failures=failed_try.c.failures + 1, last_at=at)
    if db.execute(more).rowcount == 0:
        try:
            with db.begin_nested():
                db.execute(insert(failed_try).values(id=one.id, failures=1, last_at=at))
        except IntegrityError:  # another process counted its first one in between
            db.execute(more)
    return int(db.execute(select(failed_try.c.failures).where(this)).scalar_one())
