"""``python -m torture``: work on cases while everything fails, on both databases, and say whether anything was lost.

Ends with 0 when nothing was, with 1 when something was. The seed is printed first and last; the same seed gives the
same people, answers and plan of faults (which of two processes is quicker is not in its power).
"""

import argparse
import random
import sys
import tempfile
import warnings
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from torture import databases
from torture.run import Size, torture
from torture.tally import Tally

out = Console(soft_wrap=True, highlight=False)


def main() -> int:
    """Run what the arguments ask for."""
    asked = _arguments()
    out.print(f"Seed {asked.seed}", markup=False)
    kinds = ["sqlite", "postgresql"] if asked.database == "both" else [asked.database]
    # Both at once would only measure how they share two cores; each takes half of what is asked.
    each = len(kinds)
    size = Size(
        asked.completions // each, asked.faults // each, minutes=asked.minutes,
        by_pages=asked.completions // each // 16, kills=asked.faults // each // 32,
    )  # fmt: skip
    tallies = {kind: _one(kind, asked.seed, size) for kind in kinds}
    out.print(_summary(tallies))
    wrong = [f"{kind}: {sentence}" for kind, tally in tallies.items() for sentence in tally.violations]
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
    parser.add_argument("--minutes", type=float, default=20, help="the longest that one database may take")
    return parser.parse_args()


def _one(kind: str, seed: int, size: Size) -> Tally:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with tempfile.TemporaryDirectory(prefix="torture-") as folder, Progress(*columns, console=out) as progress:
        Path(folder).chmod(0o755)  # PostgreSQL, started by root, runs as a user of its own
        bar = progress.add_task(kind, total=size.completions)

        def tell(tally: Tally) -> None:
            faults = f"{kind}: {tally.struck.total()} faults, {len(tally.violations)} violations"
            progress.update(bar, completed=tally.completions, description=faults)

        with databases.OPEN[kind](Path(folder)) as database:
            return torture(database, seed, size, tell)


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
