"""The seal over a stored state: a keyed hash that is checked before anything parses the state.

Promises: a state that was changed, moved to another case, put back from an earlier step, or set under another
definition or history is refused with ``StateDamaged`` while it is still bytes. The key lies outside the database and
cannot be worked out from it. Pure: the keys are handed in.
"""

import hashlib
import hmac
from dataclasses import dataclass, field

from service.core.errors import StateDamaged

LABEL = b"case/state/v1\0"
KEY_LABEL = b"case/state-key/v1"
ID_LABEL = b"case/state-key-id/v1"
SHORTEST_KEY = 32

UNSEALED = "This case was saved by a release that sealed nothing. “service migrate-state” seals it."
KEY_UNKNOWN = (
    "This case is sealed with a key that the service was not given."
    " If the key was changed, set CASEWORK_STATE_KEY_PREVIOUS to the one before."
)
CHANGED = "The stored state of this case is not the one that was written."


@dataclass(frozen=True, slots=True)
class Stored:
    """All that a seal covers: a state and the place it belongs to. ``form`` is the text of its ``Form``.

    Its virtual time is inside the state; ``head_hash`` ties it to every step before.
    """

    instance_id: str
    seq: int
    definition_hash: str
    head_hash: str
    form: str
    state: bytes = field(repr=False)

    def covered(self) -> bytes:
        """Every part with its length before it, so that no two different states are spelt alike."""
        place = (self.instance_id, str(self.seq), self.definition_hash, self.head_hash, self.form)
        parts = (*(part.encode() for part in place), self.state)
        return LABEL + b"".join(len(part).to_bytes(8, "big") + part for part in parts)


@dataclass(frozen=True, slots=True)
class Seal:
    """What is kept beside a state: which key, and the keyed hash; both ``None`` in rows of the first release."""

    key_id: str | None
    mac: str | None


@dataclass(frozen=True, slots=True)
class StateKeys:
    """The key states are sealed with, and the one before, which still opens what it sealed."""

    current: bytes = field(repr=False)
    previous: bytes | None = field(default=None, repr=False)

    @classmethod
    def of(cls, text: str, previous: str = "") -> "StateKeys":
        """Keys from the texts of settings, the previous one empty if there is none. Raises ``ValueError``."""
        return cls(_key(text), _key(previous) if previous else None)

    @property
    def key_id(self) -> str:
        """Which key this is, told without telling the key."""
        return _id(self.current)

    @property
    def previous_id(self) -> str | None:
        """The same of the key before."""
        return None if self.previous is None else _id(self.previous)

    def seal(self, stored: Stored) -> Seal:
        """Seal a state about to be written, always with the current key."""
        return Seal(self.key_id, _mac(self.current, stored))

    def check(self, stored: Stored, seal: Seal) -> None:
        """Raise ``StateDamaged`` unless one of the keys made this seal over exactly this."""
        if seal.mac is None or seal.key_id is None:
            raise StateDamaged(UNSEALED)
        key = {self.key_id: self.current, self.previous_id: self.previous}.get(seal.key_id)
        if key is None:
            raise StateDamaged(KEY_UNKNOWN)
        if not hmac.compare_digest(_mac(key, stored).encode(), seal.mac.encode()):
            raise StateDamaged(CHANGED)


def _key(text: str) -> bytes:
    if len(text) < SHORTEST_KEY:
        raise ValueError(f"a state key has at least {SHORTEST_KEY} characters")
    # Worked out from the text, so that the text may also serve another purpose without either telling the other.
    return hmac.digest(text.encode(), KEY_LABEL, hashlib.sha256)


def _id(key: bytes) -> str:
    return hmac.digest(key, ID_LABEL, hashlib.sha256)[:8].hex()


def _mac(key: bytes, stored: Stored) -> str:
    return hmac.digest(key, stored.covered(), hashlib.sha256).hex()
