"""Stories told with the help of other stories: what a scenario ``continues``, and whose answers it gives (``like``).

Promises: pure; a story is told as one start and all its steps, so who plays it need not know where each came from;
a step that came from another story says which (``FROM``) and on which line of the teller it came in (``VIA``).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from service.core.scenario_reading import LINE, ScenarioUnreadable, read

FROM = "__from__"
VIA = "__via__"
FOLDER = "processes/scenarios/"
read_once = lru_cache(maxsize=512)(read)
"""Many stories build on a few; what is read here is never changed."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A step looked for in a story: its task or message, which of several, and of which item."""

    name: str
    time: int = 1
    item: str | None = None


def texts_of(files: Mapping[str, str]) -> dict[str, str]:
    """The stories among the files of a definition: the file's name without ``.yaml`` to its text."""
    return {
        path.removeprefix(FOLDER).removesuffix(".yaml"): text
        for path, text in sorted(files.items())
        if path.startswith(FOLDER) and path.endswith(".yaml")
    }


def told(text: str, texts: Mapping[str, str], through: tuple[str, ...] = ()) -> dict[str, Any]:
    """A story with its start and all its steps. ``through`` names the stories that led here.

    Raises ``ScenarioUnreadable`` for an unknown story or step, and for stories that build on each other in a circle.
    """
    story = read_once(text)
    start, earlier = _begun(story, texts, through)
    steps = story.get("steps") or []
    if not isinstance(start, Mapping) or not isinstance(steps, list):
        raise ScenarioUnreadable(story.get(LINE, 1), "The start of a scenario has answers; its steps are a list.")
    found = {**story, "start": start, "steps": [*earlier, *(_told_step(s, texts, through) for s in steps)]}
    return {**found, "expect": _expected(story["expect"], texts, through)} if story.get("expect") else found


def _begun(
    story: Mapping[str, Any], texts: Mapping[str, str], through: tuple[str, ...]
) -> tuple[Any, list[dict[str, Any]]]:
    if "continues" in story:
        return _continued(story, texts, through)
    start = story.get("start")
    return (_like(start, texts, through) if isinstance(start, Mapping) else start), []


def _told_step(step: Any, texts: Mapping[str, str], through: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(step, Mapping):
        raise ScenarioUnreadable(1, f"“{step}” is not a step.")
    if "expect" in step:
        return {**step, "expect": _expected(step["expect"], texts, through)}
    return _like(step, texts, through)


def _expected(wanted: Any, texts: Mapping[str, str], through: tuple[str, ...]) -> list[Any]:
    """What is expected; an act that should be refused may be like a step of another story, too."""
    return [
        {**w, "refused": _like(w["refused"], texts, through)}
        if isinstance(w, Mapping) and isinstance(w.get("refused"), Mapping)
        else w
        for w in (wanted if isinstance(wanted, list) else [wanted])
    ]


def _continued(
    story: Mapping[str, Any], texts: Mapping[str, str], through: tuple[str, ...]
) -> tuple[Mapping[str, Any], list[dict[str, Any]]]:
    """The start and the steps of the story that is continued, as far as the teller wants it."""
    asked = story["continues"]
    line = asked.get(LINE, 1) if isinstance(asked, Mapping) else story.get(LINE, 1)
    if not isinstance(asked, Mapping) or "story" not in asked or {"before", "after"} <= set(asked):
        raise ScenarioUnreadable(line, "“continues” needs a “story”, and “before” or “after” one of its steps.")
    name = str(asked["story"])
    earlier = _other(name, line, texts, through)
    start, steps = earlier["start"], list(earlier["steps"])
    if "before" in asked or "after" in asked:
        steps = steps[: _place(name, start, steps, asked, line)]
    return _lent(start, name, line), [_lent(s, name, line) for s in steps]


def _place(name: str, start: Mapping[str, Any], steps: list[dict[str, Any]], asked: Any, line: int) -> int:
    """How many steps of a story are told up to the one that is asked for."""
    wanted = _wanted(asked, str(asked.get("before", asked.get("after"))), line)
    after = "after" in asked
    found = [n for n, s in enumerate(steps) if _is(s, wanted)]
    if len(found) >= wanted.time:
        return found[wanted.time - 1] + after
    if after and not found and start.get("message") == wanted.name:
        return 0
    raise ScenarioUnreadable(line, _missing(name, [start, *steps], wanted, len(found)))


def _like(step: Mapping[str, Any], texts: Mapping[str, str], through: tuple[str, ...]) -> dict[str, Any]:
    """The step with the answers of the one it is like, under its own."""
    if "like" not in step:
        return dict(step)
    line, asked = step.get(LINE, 1), step["like"]
    asked = asked if isinstance(asked, Mapping) else {"story": asked}
    name = str(asked.get("story"))
    other = _other(name, line, texts, through)
    about = step.get("task", step.get("message", other["start"].get("message")))
    model = _model(name, [other["start"], *other["steps"]], _wanted({**step, **asked}, str(about), line), line)
    own = step.get("data") or {}
    if not isinstance(own, Mapping):
        raise ScenarioUnreadable(line, "“data” holds answers by the keys of their fields.")
    data = {**(model.get("data") or {}), **own}
    data = {k: v for k, v in data.items() if v is not None or k not in own}
    lent = ("as", "item") if "task" in step else ("as", "message")
    return {**{k: model[k] for k in lent if k in model}, **step, "data": data}


def _model(name: str, steps: list[Mapping[str, Any]], wanted: Wanted, line: int) -> Mapping[str, Any]:
    same = [s for s in steps if _is(s, Wanted(wanted.name))]
    of_item = [s for s in same if wanted.item is not None and str(s.get("item")) == wanted.item]
    found = of_item or same
    if len(found) < wanted.time:
        raise ScenarioUnreadable(line, _missing(name, steps, wanted, len(found)))
    return found[wanted.time - 1]


def _other(name: str, line: int, texts: Mapping[str, str], through: tuple[str, ...]) -> dict[str, Any]:
    """Another story, told. Raises ``ScenarioUnreadable`` on the line of the one that asks for it."""
    if name in through:
        circle = ", which builds on ".join(f"“{n}”" for n in (*through[through.index(name) :], name))
        raise ScenarioUnreadable(line, f"These scenarios build on each other in a circle: {circle}.")
    if name not in texts:
        raise ScenarioUnreadable(line, f"There is no scenario “{name}” in {FOLDER}.{_perhaps(name, texts)}")
    try:
        return told(texts[name], texts, (*through, name))
    except ScenarioUnreadable as wrong:
        raise ScenarioUnreadable(line, f"“{name}” cannot be told (its line {wrong.line}): {wrong}") from wrong


def _wanted(asked: Mapping[str, Any], name: str, line: int) -> Wanted:
    time = asked.get("time", 1)
    if not isinstance(time, int) or time < 1:
        raise ScenarioUnreadable(line, "“time” counts the steps of that name: 1, 2, 3 …")
    return Wanted(name, time, None if asked.get("item") is None else str(asked["item"]))


def _is(step: Mapping[str, Any], wanted: Wanted) -> bool:
    same = wanted.name in {step.get("task"), step.get("message")}
    return same and wanted.item in {None, str(step.get("item"))}


def _missing(name: str, steps: list[Mapping[str, Any]], wanted: Wanted, count: int) -> str:
    if count:
        return f"“{name}” has only {count} of the steps “{wanted.name}”, not {wanted.time}."
    of_item = f" of {wanted.item}" if wanted.item else ""
    names = [str(s.get("task", s.get("message"))) for s in steps if {"task", "message"} & set(s)]
    return f"“{name}” has no step “{wanted.name}”{of_item}.{_perhaps(wanted.name, names)}"


def _perhaps(name: str, known: Mapping[str, Any] | list[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f" Perhaps “{close[0]}” is meant." if close and close[0] != name else ""


def _lent(step: Mapping[str, Any], name: str, line: int) -> dict[str, Any]:
    return {**step, FROM: step.get(FROM, name), VIA: line}


def duties(story: Mapping[str, Any]) -> Iterator[str]:
    """The duties a story says it proves (``proves``), as written."""
    found = story.get("proves") or []
    yield from (str(d) for d in (found if isinstance(found, list) else [found]))
