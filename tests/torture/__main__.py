"""``python -m torture``: work on cases while everything fails, walk every diagram at random, and say what did not hold.

Ends with 0 when everything did, with 1 when something did not. The seed is printed first and last; the same seed gives
the same people, answers, walks and plan of faults (which of two processes is quicker is not in its power).
"""

import argparse
import random
import sys
import tempfile
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from torture import databases, timers
from torture.databases import Database
from torture.run import Size, torture
from torture.tally import Tally
from torture.wandering import Wandered, wander
from torture.writers import WRITERS, Chained, write

out = Console(soft_wrap=True, highlight=False)
COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
BY_PAGES, KILLS = 16, 32  # one completion in sixteen goes through pages, one fault in thirty-two hits the whole server


def main() -> int:
    """Run what the arguments ask for."""
    asked = _arguments()
    out.print(f"Seed {asked.seed}", markup=False)
    kinds = ["sqlite", "postgresql"] if asked.database == "both" else [asked.database]
    # Both at once would only measure how they share two cores; each takes its part of what is asked.
    completions, faults = asked.completions // len(kinds), asked.faults // len(kinds)
    size = Size(completions, faults, minutes=asked.minutes, by_pages=completions // BY_PAGES, kills=faults // KILLS)
    tallies = {kind: _one(kind, asked.seed, size) for kind in kinds} if asked.completions else {}
    chains = {kind: _writers(kind, asked.entries) for kind in kinds} if asked.entries else {}
    wandered = _walks(asked.seed, asked.walks) if asked.walks else Wandered()
    played = _timers(asked.seed, asked.timers) if asked.timers else []
    _say(tallies, chains, wandered, asked.timers)
    wrong = [f"{kind}: {sentence}" for kind, tally in tallies.items() for sentence in tally.violations]
    wrong += [f"{kind}: {sentence}" for kind, chained in chains.items() for sentence in chained.wrong]
    wrong += wandered.wrong + played
    for sentence in wrong:
        out.print(sentence, markup=False, style="red")
    out.print(f"{len(wrong)} violations. Seed {asked.seed}", markup=False, style="red" if wrong else "green")
    if wrong:
        out.print(f"To see it again: make torture ARGS='--seed {asked.seed}'", markup=False)
    return 1 if wrong else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="torture", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--completions", type=int, default=10_000, help="over all databases together")
    parser.add_argument("--faults", type=int, default=1_000, help="over all databases together")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--minutes", type=float, default=30, help="the longest that one database may take")
    parser.add_argument("--entries", type=int, default=100, help="steps of each of sixteen writers on one case")
    parser.add_argument("--walks", type=int, default=40, help="random walks through the shipped diagrams")
    parser.add_argument("--timers", type=int, default=1_500, help="cases of timers against a model")
    return parser.parse_args()


@contextmanager
def _opened(kind: str) -> Iterator[Database]:
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL, started by root, runs as a user of its own
        with databases.OPEN[kind](Path(folder)) as database:
            yield database


def _one(kind: str, seed: int, size: Size) -> Tally:
    with _opened(kind) as database, Progress(*COLUMNS, console=out) as progress:
        bar = progress.add_task(kind, total=size.completions)
        told: list[str] = []

        def tell(tally: Tally) -> None:
            faults = f"{kind}: {tally.struck.total()} faults, {len(tally.violations)} violations"
            progress.update(bar, completed=tally.completions, description=faults)
            for sentence in tally.violations[len(told) :]:
                progress.console.print(f"{kind}, seed {seed}: {sentence}", markup=False, style="red")
            told.extend(tally.violations[len(told) :])

        return torture(database, seed, size, tell)


def _writers(kind: str, each: int) -> Chained:
    with _opened(kind) as database, out.status(f"{WRITERS} writers on one case, {kind}"):
        return write(database, each)


def _walks(seed: int, walks: int) -> Wandered:
    with _opened("sqlite") as database, Progress(*COLUMNS, console=out) as progress:
        bar = progress.add_task("walks", total=walks)

        def tell(found: Wandered) -> None:
            said = f"walks: {found.steps} steps, {len(found.wrong)} violations"
            progress.update(bar, completed=found.walks, description=said)

        return wander(database.url, database.folder, seed, walks=walks, most=200, tell=tell)


def _timers(seed: int, cases: int) -> list[str]:
    with ProcessPoolExecutor(2) as pool, Progress(*COLUMNS, console=out) as progress:
        every = pool.map(timers.play, (f"{seed}-{n}" for n in range(cases)), chunksize=10)
        return [wrong for found in progress.track(every, total=cases, description="timers") for wrong in found]


def _say(tallies: dict[str, Tally], chains: dict[str, Chained], wandered: Wandered, played: int) -> None:
    if tallies:
        out.print(_summary(tallies))
    for kind, chained in chains.items():
        out.print(f"{WRITERS} writers on one case, {kind}: a chain of {chained.entries} steps.")
    if wandered.walks:
        out.print(
            f"{wandered.walks} random walks: {wandered.steps} steps, each run again, its tables rebuilt, its chain "
            f"checked; {wandered.tampered} changed histories caught. Acts: {dict(wandered.kinds)}.",
            markup=False,
        )
        reached = wandered.wanted - len(wandered.missed)
        out.print(f"Tasks and events of the diagrams reached: {reached} of {wandered.wanted}.")
        out.print(f"Not reached: {', '.join(wandered.missed) or 'none'}.", markup=False)
    out.print(f"{played} cases of timers played against a model.")


def _summary(tallies: dict[str, Tally]) -> Table:
    table = Table("", *tallies, title="Summary")
    counts = {
        "completions acknowledged": lambda t: t.completions, "cases": lambda t: t.cases, "steps": lambda t: t.steps,
        "faults": lambda t: t.struck.total(), "requests sent again": lambda t: t.retries,
        "stored answers given again": lambda t: t.replays, "conflicts answered": lambda t: t.conflicts.total(),
        "races": lambda t: t.races.total(),
    }  # fmt: skip
    for name, of in counts.items():
        table.add_row(name, *(str(of(t)) for t in tallies.values()))
    for kind in sorted({k for t in tallies.values() for k in t.struck}):
        table.add_row(f"  {kind}", *(str(t.struck[kind] or "–") for t in tallies.values()))
    table.add_row("violations", *(str(len(t.violations)) for t in tallies.values()), style="bold")
    table.add_row("seconds", *(f"{t.seconds:.0f}" for t in tallies.values()))
    return table


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
    sys.exit(main())
