"""Playing stories at the console: on every core, with a bar that says how far it is."""

from collections.abc import Mapping

from rich.progress import track

from service.cli.console import out
from service.core.definitions import ProcessDefinition
from service.runtime.telling import Played, play_all


def played(definition: ProcessDefinition, texts: Mapping[str, str]) -> list[Played]:
    """Play stories (name to text) and return what they gave, by name."""
    going = play_all(definition, texts)
    found = track(going, "Playing scenarios", total=len(texts), console=out, transient=True)
    return sorted(found, key=lambda p: p.story)
