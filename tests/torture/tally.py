"""What a run counts: what was acknowledged, which faults struck, and everything that should not have been."""

import random
import threading
from collections import Counter
from dataclasses import dataclass, field

from torture.databases import Database
from torture.faults import INSIDE, SQLITE_ONLY

ELSEWHERE = {
    "clock back": 8, "clock ahead": 8, "scheduler killed": 8, "lock held": 3, "all processes killed": 3,
}  # fmt: skip
POSTGRES_ONLY = {"connections ended": 5, "database restarted": 1}
WEIGHTS = {"crash": 28, "killed at a statement": 12, "killed in the engine": 10, "killed before commit": 8}


def mixed(database: Database, faults: int, chance: random.Random) -> list[str]:
    """A plan: ``faults`` kinds of fault in an order of chance, each that this database can suffer at least once."""
    weights = {k: WEIGHTS.get(k, 8) for k in INSIDE} | ELSEWHERE
    weights |= dict.fromkeys(SQLITE_ONLY, 3) if database.kind == "sqlite" else POSTGRES_ONLY
    if database.server is None:
        weights.pop("database restarted", None)  # it is not ours to restart
    plan = sorted(weights)[:faults]
    plan += chance.choices(list(weights), list(weights.values()), k=faults - len(plan))
    chance.shuffle(plan)
    return plan


@dataclass
class Tally:
    """Counts of one database's run. ``acked`` maps (account, key) to what was acknowledged: (case, step)."""

    acked: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    completions: int = 0
    retries: int = 0
    replays: int = 0
    conflicts: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    races: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    steps: int = 0
    cases: int = 0
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def acknowledged(self, who: str, key: str, done: dict, *, completion: bool) -> None:
        """An answer got through to the person."""
        with self.lock:
            at = (done["instance_id"], done["seq"])
            before = self.acked.setdefault((who, key), at)
            if before != at:
                self.violations.append(f"{who}, {key}: acknowledged as {before}, then as {at}")
            elif completion and not done.get("again"):
                self.completions += 1
            self.replays += bool(done["replayed"])

    def wrong(self, *sentences: str) -> None:
        """Something that should not have been."""
        with self.lock:
            self.violations.extend(sentences)

    def count(self, counter: Counter[str], what: str) -> None:
        """One more of something."""
        with self.lock:
            counter[what] += 1


class Plan:
    """Which fault comes next, spread evenly over the completions; what did not strike comes again later."""

    def __init__(self, kinds: list[str], completions: int) -> None:
        self.kinds, self.total, self.completions = kinds, len(kinds), completions
        self.given = 0
        self.lock = threading.Lock()

    def next(self, done: int) -> str | None:
        """The kind of fault for the next request, or none."""
        with self.lock:
            if not self.kinds or self.given * self.completions > done * self.total:
                return None
            self.given += 1
            return self.kinds.pop()

    def again(self, kind: str) -> None:
        """A fault that got no chance."""
        with self.lock:
            self.given -= 1
            self.kinds.insert(0, kind)
