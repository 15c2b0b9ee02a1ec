"""One run of a time limit, as the history of its case tells it. Made by ``clock_courses``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from service.core import clock_numbers
from service.core.clock_numbers import Hold, Numbers
from service.core.clocks import COUNTER


@dataclass(slots=True)
class Setting:
    """A date a limit was given, at the instant ``at``; ``names`` are what its expression ``basis`` then saw."""

    at: datetime
    due: datetime
    basis: str
    names: Mapping[str, object] = field(default_factory=dict, repr=False)


@dataclass(slots=True)
class Course:
    """One run of a time limit.

    ``settings`` are its dates, the first one first; of a counter, the next instant somebody asks is ``asks_next`` and
    those gone by are ``asked``. ``stopped_at`` is set when it was given up, taken away or begun again unmet.
    """

    key: str
    item: str | None
    name: str
    clause: str
    kind: str
    began: datetime
    started_from: Any
    settings: list[Setting]
    run: int = 1
    breaches: list[datetime] = field(default_factory=list)
    met_at: datetime | None = None
    in_time: bool | None = None
    stopped_at: datetime | None = None
    asked: list[datetime] = field(default_factory=list)
    asks_next: datetime | None = None
    holds: tuple[Hold, ...] = ()

    @property
    def due(self) -> datetime:
        """The date it now has."""
        return self.settings[-1].due

    @property
    def first_due(self) -> datetime:
        """The date it had first."""
        return self.settings[0].due

    @property
    def only_counts(self) -> bool:
        """Whether it has no length."""
        return self.kind == COUNTER

    @property
    def ended_at(self) -> datetime | None:
        """The instant it was met or stopped, ``None`` while it runs."""
        return self.met_at or self.stopped_at

    @property
    def start(self) -> date:
        """What it counts from, where that is known; otherwise the instant it began."""
        value = self.started_from
        if isinstance(value, str):
            try:
                return datetime.fromisoformat(value)
            except ValueError:
                return self.began
        return value if isinstance(value, date) else self.began

    def overdue(self, now: datetime) -> bool:
        """Whether it runs on past its date."""
        return self.ended_at is None and not self.only_counts and self.due < now

    def numbers(self, now: datetime) -> Numbers:
        """Its three numbers, up to the day it was met or stopped, else up to ``now``."""
        original = None if self.only_counts else self.first_due
        return clock_numbers.numbers(self.start, self.ended_at or now, original, self.holds)
