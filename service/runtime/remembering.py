"""Steps and pictures worked out before, remembered for a while: both are pure functions, so the answer is the same.

What a page shows of a history is still run from the command and the state before it; only running the very same thing
twice is saved. Holds a bounded number of answers per process and shares them between threads.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime
from threading import Lock
from typing import TypeVar

from service.core import commands, values
from service.core.commands import Command
from service.core.definitions import ProcessDefinition
from service.core.engine.markers import Markers, markers
from service.core.engine.step import Outcome, step

T = TypeVar("T")
MOST = 400


class Memory:
    """A bounded memory of answers, the least recently used leaving first."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, object] = OrderedDict()
        self._lock = Lock()

    def recall(self, key: Hashable, work: Callable[[], T]) -> T:
        """Return the answer kept for ``key``, or work it out and keep it. What fails is not kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]  # type: ignore[return-value]
        answer = work()
        with self._lock:
            self._kept[key] = answer
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return answer


_steps, _pictures = Memory(), Memory()


def take(
    definition: ProcessDefinition, state: bytes | None, command: Command, *, instance_id: str, at: datetime, seq: int,
    former: ProcessDefinition | None = None,
) -> Outcome:  # fmt: skip
    """What ``engine.step`` gives. ``former`` is named by the command, so it need not be told apart."""
    written = values.sha256(values.canonical(commands.to_json(command)))
    key = (definition.hash, values.sha256(state or b""), written, instance_id, values.instant_text(at), seq)
    return _steps.recall(key, lambda: step(
        definition, state, command, instance_id=instance_id, at=at, seq=seq, former=former
    ))  # fmt: skip


def picture(definition: ProcessDefinition, state: bytes) -> Markers:
    """What ``engine.markers`` gives."""
    return _pictures.recall((definition.hash, values.sha256(state)), lambda: markers(definition, state))
