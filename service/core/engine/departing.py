"""Departures of an instance: numbered as they are made, and what became of each. The engine knows no reasons."""

from collections.abc import Mapping, Sequence

from service.core.commands import ApproveDeparture, ObjectToDeparture
from service.core.definitions import Element
from service.core.engine.memory import APPROVED, MADE, OBJECTED
from service.core.engine.running import Running
from service.core.errors import NotFound, NothingToDo
from service.core.events_beside import DepartureApproved, DepartureMade, DepartureObjected


def depart(run: Running, element: Element | None, departures: Sequence[Mapping[str, object]]) -> None:
    """Number the departures of what was sent at ``element``, in the order of the form's rules."""
    for made in departures:
        run.memory.departures.append(MADE)
        run.events.append(DepartureMade(
            number=len(run.memory.departures),
            process_id=element.process if element is not None else "",
            element_id=element.id if element is not None else "",
            role=element.role if element is not None else None,
            rule=str(made["rule"]), clause=str(made["clause"]), message=str(made["message"]),
        ))  # fmt: skip


def judge(run: Running, command: ApproveDeparture | ObjectToDeparture) -> None:
    """Agree or object to a departure. Raises ``NotFound``, ``NothingToDo`` when that is what it is already.

    What was agreed to stays agreed; who objected, or somebody else, may agree later.
    """
    kept = run.memory.departures
    if not 1 <= command.number <= len(kept):
        raise NotFound("There is no such departure.")
    became = kept[command.number - 1]
    if became == APPROVED:
        raise NothingToDo("This departure has been approved already.")
    if isinstance(command, ApproveDeparture):
        kept[command.number - 1] = APPROVED
        run.events.append(DepartureApproved(command.number, command.role, command.record))
        return
    if became == OBJECTED:
        raise NothingToDo("Somebody has objected to this departure already.")
    kept[command.number - 1] = OBJECTED
    run.events.append(DepartureObjected(command.number, command.role, command.record))
