"""Who may know of an instance, changed by people: steps of its history that move nothing in its flow."""

from typing import TypeAlias, assert_never

from service.core.commands import EndAccess, GrantAccess, LetIn, ShutOut
from service.core.engine.running import Running
from service.core.events_beside import AccessEnded, AccessGranted, SomebodyLetIn, SomebodyShutOut

Admission: TypeAlias = GrantAccess | EndAccess | ShutOut | LetIn


def admit(run: Running, command: Admission) -> None:
    """Tell what ``command`` asks. Whether there is anything to end or to lift, the caller knows: it reads the rows."""
    match command:
        case GrantAccess():
            given = (command.account, command.role, command.agency, command.until, command.record)
            run.events.append(AccessGranted(*given))
        case EndAccess():
            run.events.append(AccessEnded(command.account, command.number, command.record))
        case ShutOut():
            run.events.append(SomebodyShutOut(command.account, command.agency, command.record))
        case LetIn():
            run.events.append(SomebodyLetIn(command.number, command.record))
        case _:
            assert_never(command)
