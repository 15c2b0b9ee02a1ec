"""Every story of the deployment, played once for all who ask what came of it."""

import pytest

from service.core.definitions import definition_of
from service.runtime.bundles import read_folder
from service.runtime.telling import play_all
from tree import ROOT


@pytest.fixture(scope="session")
def definition():
    return definition_of(read_folder(ROOT))


@pytest.fixture(scope="session")
def reports(definition):
    """What each story gave, by its name."""
    return {played.story: played.report for played in play_all(definition)}
