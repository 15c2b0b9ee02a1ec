"""The forms a state has been written in, and which of them may be read.

A form is our envelope's version, the serializer's version and the SpiffWorkflow release that wrote. It is kept beside
the state, not in it: the state's bytes are hashed into the history, and a replay must give them again. Only today's
envelope and serializer are read; older ones first pass ``service migrate-state``; what is newer or unknown is left.
"""

from dataclasses import dataclass
from importlib.metadata import version as release_of

from SpiffWorkflow.bpmn.serializer.workflow import VERSION as SERIALIZER

from service.core.errors import StateDamaged

ENVELOPE = 1
NEVER_READ = frozenset({"1.0", "1.1", "1.2"})
"""Serializers whose states the engine could only bring up to date by running text in them as code."""

OLDER = "This case was saved in an older form ({form}). “service migrate-state” brings it up to date."
TOO_OLD = "This case was saved in a form ({form}) that is never read, because reading it could run code."
NEWER = "This case was saved by a newer release or an unknown one ({form}). This release does not read it."


@dataclass(frozen=True, slots=True)
class Form:
    """How a state is written. ``engine`` is noted and sealed, but a new release of it alone changes no form."""

    envelope: int
    serializer: str
    engine: str

    @classmethod
    def read(cls, text: str) -> "Form":
        """The form that ``str`` spelt. Raises ``StateDamaged`` for any other text."""
        match text.split("/"):
            case [envelope, serializer, engine] if envelope.isascii() and envelope.isdecimal() and len(envelope) < 4:
                return cls(int(envelope), serializer, engine)
        raise StateDamaged(NEWER.format(form=text[:40]))

    def __str__(self) -> str:
        return f"{self.envelope}/{self.serializer}/{self.engine}"


CURRENT = Form(ENVELOPE, SERIALIZER, release_of("SpiffWorkflow"))
FIRST = Form(1, "1.5", "3.2.0")
"""What the first release wrote, which kept no form beside its states."""

CONVERTED = ("1.3", "1.4")
"""Older serializers of envelope 1, oldest first, from which ``state_conversion`` leads to today's."""


def is_current(form: Form) -> bool:
    """Whether a state of this form may be loaded as it is."""
    return (form.envelope, form.serializer) == (CURRENT.envelope, CURRENT.serializer)


def is_older(form: Form) -> bool:
    """Whether a state of this form may be converted."""
    return form.envelope == ENVELOPE and form.serializer in CONVERTED


def require_current(text: str) -> None:
    """Raise ``StateDamaged``, saying what to do, unless a state kept with this form may be loaded."""
    form = Form.read(text)
    if not is_current(form):
        raise StateDamaged(refusal(form))


def refusal(form: Form) -> str:
    """Why a state that is not of today's form is not loaded."""
    if form.serializer in NEVER_READ:
        return TOO_OLD.format(form=form)
    return (OLDER if is_older(form) else NEWER).format(form=form)
