"""Many random walks over one database, and what of the diagrams they reached."""

import random
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from service.runtime.bundles import read_folder
from service.runtime.service import join
from service.settings import Settings
from torture import rebuilding
from torture.walking import Country, walk_once
from tree import ROOT

FIRST_DAY = datetime(2012, 1, 1, 9, tzinfo=UTC)


@dataclass
class Wandered:
    """What came of many walks. ``wrong`` holds a sentence with the walk's seed for each that found a disagreement."""

    walks: int = 0
    steps: int = 0
    tampered: int = 0
    wanted: int = 0
    missed: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def wander(
    url: str,
    folder: Path,
    seed: int,
    *,
    walks: int,
    most: int,
    root: Path = ROOT,
    tell: Callable[[Wandered], None] = lambda _: None,
) -> Wandered:
    """Walk ``walks`` cases for at most ``most`` acts each, from days of chance in a span of twenty years."""
    now = [FIRST_DAY]
    settings = Settings(database_url=url, data_folder=folder, secret_key="s" * 40)
    service = join(settings, lambda: now[0], lambda _message: None)
    service.deployments.deploy(None, read_folder(root), "as installed")
    found = Wandered()
    with rebuilding.second(service.store) as second:
        country = Country(service, lambda at: now.__setitem__(0, at), random.Random(seed), second)
        for number in range(walks):
            country.chance = random.Random(f"{seed}-{number}")
            begin = FIRST_DAY + timedelta(minutes=country.chance.randrange(20 * 365 * 24 * 60))
            try:
                found.steps += len(walk_once(country, most, begin).steps)
            except Exception as failure:  # noqa: BLE001 - whatever it is, the next walk goes on
                where = traceback.extract_tb(failure.__traceback__)[-1]
                said = f"{type(failure).__name__}: {failure}"[:600]
                found.wrong.append(f"walk {number} of seed {seed} ({where.name}:{where.lineno}): {said}")
            found.walks, found.kinds, found.tampered = number + 1, country.kinds, country.tampered
            found.wanted = len(country.wanted())
            found.missed = [".".join(place) for place in sorted(country.wanted() - set(country.seen))]
            tell(found)
    service.store.writers.dispose()
    service.store.readers.dispose()
    return found
