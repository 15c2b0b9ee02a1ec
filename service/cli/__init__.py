"""The command line: ``python -m service.cli VERB``. Every verb says what it did in a sentence and ends with 0, 1 or 2.

0 means done and well; 1 means what was checked is wrong; 2 means the request could not be understood or carried out.
"""

import sys

import click
from sqlalchemy.exc import DBAPIError

from service.cli import checking, documenting, keeping, moving, proving, serving, tending, tracing
from service.cli.console import cli, out
from service.core.errors import BrokenRule, Defect, Rejection
from service.settings import SettingsRefused
from service.store.outages import will_pass

VERBS = (checking, documenting, keeping, moving, proving, serving, tending, tracing)
"""The modules whose verbs hang on the group once they are imported."""


def main() -> None:
    """Run a verb; a refusal is one plain sentence."""
    try:
        cli.main(prog_name="service", standalone_mode=False)
    except BrokenRule as refused:
        for problem in refused.problems:
            out.print(f"  {problem.field}: {problem.message}", markup=False)
        sys.exit(_say(str(refused)))
    except (Rejection, Defect, SettingsRefused) as refused:
        sys.exit(_say(str(refused)))
    except DBAPIError as failure:
        if not will_pass(failure):
            raise
        sys.exit(_say("The database went away while this was done. What was begun was undone; try again."))
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(2)
    except click.Abort:
        sys.exit(2)


def _say(text: str) -> int:
    out.print(text, markup=False, style="red")
    return 2


__all__ = ["VERBS", "cli", "main"]
