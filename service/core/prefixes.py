"""What stories have in common, played once: a case as it stood after each step that one story lent to another.

Promises: a story comes out the same with and without it. A case taken up here is a copy: nobody sees another's steps.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from service.core import values
from service.core.stories import FROM, VIA
from service.core.touching import Watched

MOST = 256
"""A case is a few hundred kilobytes, and most stories build on one or two others."""


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Cases by what was played in them, the one used longest ago leaving first; with what was noted at which step."""

    kept: OrderedDict[str, tuple[Watched, tuple[Any, ...]]] = field(default_factory=OrderedDict)

    def taken_up(self, keys: Sequence[str]) -> tuple[int, Watched, tuple[Any, ...]] | None:
        """The case that has come furthest along these keys: how many of its acts are done, itself, what was noted."""
        for count in range(len(keys), 0, -1):
            found = self.kept.get(keys[count - 1])
            if found is not None:
                self.kept.move_to_end(keys[count - 1])
                return count, copied(found[0]), found[1]
        return None

    def keep(self, key: str, player: Watched, noted: Sequence[Any]) -> None:
        """Keep a case as it stands after the acts of this key."""
        self.kept[key] = (copied(player), tuple(noted))
        while len(self.kept) > MOST:
            self.kept.popitem(last=False)


def copied(player: Watched) -> Watched:
    """The same case, to be gone on with apart from the other."""
    own: dict[str, Any] = {f.name: getattr(player, f.name) for f in fields(player)}
    mutable: dict[str, Any] = {name: v.copy() for name, v in own.items() if isinstance(v, list | dict | set)}
    return replace(player, **mutable)


def keys_of(definition_hash: str, acts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A key for each act that was lent (start and first steps): the same for stories that have come to it alike."""
    key = definition_hash
    for act in acts:
        if FROM not in act:
            return
        key = values.sha256(f"{key}{ {k: v for k, v in act.items() if k != VIA} !r}".encode())
        yield key
