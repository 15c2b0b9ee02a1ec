"""The seams through which time and ids enter SpiffWorkflow.

SpiffWorkflow reads the clock and draws ids at three module names. Here each of the three is given a stand-in that
asks the step being taken, so the same command on the same state gives the same bytes on any machine. Outside a step
the stand-ins refuse, so a forgotten seam is a loud error. A census test fails when a release adds a site.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, tzinfo
from types import SimpleNamespace
from typing import Self
from uuid import UUID

import SpiffWorkflow.bpmn.specs.event_definitions.timer as spiff_timer
import SpiffWorkflow.task as spiff_task


@dataclass(slots=True)
class Seam:
    """Time and ids of one step: ``now`` is the engine's virtual instant, moved only by the engine module."""

    now: datetime
    prefix: int
    drawn: int = 0


_seam: ContextVar[Seam | None] = ContextVar("seam", default=None)


def _current() -> Seam:
    seam = _seam.get()
    if seam is None:
        raise RuntimeError("the engine has no time outside a step")
    return seam


class _EngineDatetime(datetime):
    """What timers call ``datetime``: the virtual instant instead of the machine's."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        """The step's virtual instant, in ``tz``."""
        now = _current().now.astimezone(tz)
        return cls(now.year, now.month, now.day, now.hour, now.minute, now.second, now.microsecond, now.tzinfo)


def _seconds() -> float:
    return _current().now.timestamp()


def _next_id() -> UUID:
    seam = _current()
    seam.drawn += 1
    return UUID(int=seam.prefix | seam.drawn)


spiff_timer.datetime = _EngineDatetime
spiff_task.time = SimpleNamespace(time=_seconds)
spiff_task.uuid4 = _next_id


@contextmanager
def seams(instance_id: str, seq: int, now: datetime) -> Iterator[Seam]:
    """Give one step its time and ids.

    Ids are made of the instance (64 bits), the step's number and a counter (32 bits each), so they sort in the order
    they were made. ``seq`` counts from 1.
    """
    instance = int.from_bytes(hashlib.sha256(instance_id.encode()).digest()[:8], "big")
    seam = Seam(now=now, prefix=(instance << 64) | (seq << 32))
    token = _seam.set(seam)
    try:
        yield seam
    finally:
        _seam.reset(token)
