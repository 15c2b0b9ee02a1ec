"""Every duty the law lays on a review has a row, every row is held by places that exist, and stories prove it."""

import pytest

from service.core import trace
from service.runtime.telling import Played, told_by

pytestmark = pytest.mark.timeout(900)  # one may wait until all the stories are played


def test_every_duty_has_its_row(definition):
    assert [row.id for row in trace.rows(definition)] == [f"T{n:02}" for n in range(1, 87)]


def test_every_clause_has_a_duty(definition):
    named = {clause for row in trace.rows(definition) for clause in row.clause.split()}
    assert named == set(definition.clauses)


def test_every_place_exists(definition):
    gone = {s.row.id: s.why for s in trace.states(definition, []) if any(not p.living for p in s.places)}
    assert gone == {}


def test_stories_prove_only_what_there_is(definition, reports):
    assert trace.unknown_duties(definition, told(reports)) == []


def test_every_duty_is_held_and_proven(definition, reports):
    red = {s.row.id: s.why for s in trace.states(definition, told(reports)) if s.why}
    assert red == {}


def told(reports):
    return [told_by(Played(name, report)) for name, report in reports.items()]
