"""Every story of the deployment, played once for all who ask what came of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from service.core.definitions import definition_of
from service.core.scenarios import Report
from service.core.stories import texts_of
from service.runtime.bundles import read_folder
from service.runtime.telling import Played, play_all
from tree import ROOT


@dataclass(frozen=True)
class Reports(Mapping[str, Report]):
    """What each story gave, by its name; who asks for one waits no longer than until that one is done."""

    names: tuple[str, ...]
    going: Iterator[Played]
    done: dict[str, Report] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Report:
        while name in self.names and name not in self.done:
            played = next(self.going)
            self.done[played.story] = played.report
        return self.done[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


@pytest.fixture(scope="session")
def definition():
    return definition_of(read_folder(ROOT))


@pytest.fixture(scope="session")
def reports(definition) -> Reports:
    return Reports(tuple(texts_of(definition.files)), play_all(definition))
