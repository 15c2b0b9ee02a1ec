"""Every case of a database is run again by the command line; what it is asked is answered in a sentence."""

import pytest

from service import cli
from service.core.errors import Rejection
from service.runtime import verifying
from story import COMPLETE, begin, key


def test_every_case_is_run_again(service, who):
    done, task = begin(service, who)
    other, _ = begin(service, who)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    report = verifying.database(service)
    assert [(c.code, c.verdict.kind, c.verdict.steps, c.records) for c in report.cases] == [
        (done.code, "equal", 2, ()), (other.code, "equal", 1, ()),
    ]  # fmt: skip
    assert report.wrong == 0


def test_an_instant_that_is_none_is_refused_in_words():
    with pytest.raises(Rejection, match="not a date and time"):
        cli._moment("yesterday")
