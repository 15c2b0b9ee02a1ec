"""Every sequence flow of every diagram is taken by some story."""

import pytest

from service.core.coverage import coverage

pytestmark = pytest.mark.timeout(900)  # one may wait until all the stories are played


def test_every_flow_is_taken_by_some_story(definition, reports):
    covered = coverage(definition, {way for report in reports.values() for way in report.flows})
    missing = [f"{c.name}: {way.words} ({way.flow})" for c in covered for way in c.missing]
    assert sum(len(c.ways) for c in covered) > 250
    assert missing == []
