"""Every case of a database is run again by the command line; what it is asked is answered in a sentence."""

import pytest

from service.cli import proving
from service.core.errors import Rejection
from service.runtime import sealing, verifying
from service.store import seals
from story import COMPLETE, begin, key
from tampering import change, seal_anew, sign_anew


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
        proving._moment("yesterday")


def test_the_log_is_checked_on_every_kind_of_database(service, who):
    done, task = begin(service, who)
    sealing.turn(service)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    assert verifying.database(service).log[-1].text.startswith("1 step waits to be sealed")
    sealing.turn(service)
    with service.read() as db:
        kept = [k.note for k in seals.checkpoints(db)]
    report = verifying.database(service, kept)
    assert (report.wrong, len(report.log)) == (0, 4)
    change(service.store, 2, actor="eve")
    seal_anew(service.store, done.instance_id, 2)
    sign_anew(service)
    assert [f.holds for f in verifying.database(service, kept).log] == [True, True, True, False]
