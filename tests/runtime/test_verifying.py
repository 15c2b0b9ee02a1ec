"""Every case of a database is run again by the command line; what it is asked is answered in a sentence."""

import pytest

from service.cli import proving
from service.core.errors import Rejection
from story import COMPLETE, begin, key


def test_every_case_is_run_again(service, who):
    done, task = begin(service, who)
    other, _ = begin(service, who)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    assert [(code, v.kind, v.steps) for code, v in proving._verify_all(service)] == [
        (done.code, "equal", 2), (other.code, "equal", 1),
    ]  # fmt: skip


def test_an_instant_that_is_none_is_refused_in_words():
    with pytest.raises(Rejection, match="not a date and time"):
        proving._moment("yesterday")
