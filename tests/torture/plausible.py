"""Answers people might give, for any form: taken from the stories, moved to the present, sometimes changed by chance.

A form's own check is the judge; what it refuses is not given.
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from service.core.definitions import ProcessDefinition
from service.core.forms_shape import key_of, questions
from service.core.scenario_reading import instant, without_lines
from service.core.stories import FROM, texts_of, told
from service.runtime.practice import _moved

TRIES = 12


class Answers:
    """For each element (a task or a message) the answers of the stories, those used least first."""

    def __init__(self, definition: ProcessDefinition) -> None:
        self.definition = definition
        self.told: dict[str, list[tuple[datetime, Any]]] = {}
        self.used: Counter[tuple[str, int]] = Counter()
        stories = texts_of(definition.files)
        for text in stories.values():
            for about, at, data in _said(told(text, stories)):
                self.told.setdefault(about, []).append((at, data))

    def offers(self, about: str, form: str | None, now: datetime, chance: random.Random) -> Iterator[dict[str, Any]]:
        """Answers to try, one after another."""
        kept = self.told.get(about, [])
        order = sorted(range(len(kept)), key=lambda n: (self.used[about, n], chance.random()))
        for number in order:
            at, data = kept[number]
            self.used[about, number] += 1
            moved = _moved(data, timedelta(days=(now - at).days))  # whole days back: never after now
            if chance.random() < 0.4:
                yield self._changed(form, moved, now, chance)
            yield moved
        for _ in range(TRIES):
            yield self._made_up(form, now, chance)

    def _changed(self, form: str | None, data: dict[str, Any], now: datetime, chance: random.Random) -> dict[str, Any]:
        """The same answers with one choice made another way, and whatever that asks for made up."""
        asked = [q for q in self._questions(form) if q["type"] in {"radio", "checkbox", "datetime", "number"}]
        if not asked:
            return data
        one = chance.choice(asked)
        return {**self._made_up(form, now, chance), **data, key_of(one): self._value(one, now, chance)}

    def _made_up(self, form: str | None, now: datetime, chance: random.Random) -> dict[str, Any]:
        return {key_of(q): self._value(q, now, chance) for q in self._questions(form)}

    def _questions(self, form: str | None) -> list[Mapping[str, Any]]:
        return list(questions(self.definition.forms.get(form or "", {}).get("components", [])))

    def _value(self, question: Mapping[str, Any], now: datetime, chance: random.Random) -> Any:
        limits = question.get("validate", {})
        match question["type"]:
            case "radio" | "select":
                return chance.choice(self._choices(question))
            case "checklist":
                choices = self._choices(question)
                return chance.sample(choices, chance.randint(1, min(3, len(choices))))
            case "checkbox":
                return True
            case "number":
                return chance.randint(int(limits.get("min", 0)), int(limits.get("max", 9)))
            case "datetime":
                return _a_day(question, now, chance)
            case "dynamiclist":
                return [
                    {key_of(q): self._value(q, now, chance) for q in questions(question["components"])}
                    for _ in range(chance.randint(1, 2))
                ]
        return "An answer as long as it has to be. " * (1 + int(limits.get("minLength", 0)) // 30)

    def _choices(self, question: Mapping[str, Any]) -> list[Any]:
        given = question.get("values")
        if given is None:
            rows = self.definition.directories.get(question.get("valuesKey", {}).get("from", ""), [])
            return [row["id"] for row in rows] or ["none"]
        return [each["value"] for each in given]


def _a_day(question: Mapping[str, Any], now: datetime, chance: random.Random) -> str:
    days = chance.randint(-20, 0) if question.get("noFuture") else chance.randint(-20, 60)
    day: date = now.date() + timedelta(days=days)
    return f"{day.isoformat()}T09:00" if question.get("subtype") == "datetime" else day.isoformat()


def _said(story: Mapping[str, Any]) -> Iterator[tuple[str, datetime, Any]]:
    for line in (story["start"], *(story.get("steps") or ())):
        about = line.get("task") or line.get("message")
        if about and "refused" not in line and FROM not in line:
            yield str(about), instant(line["at"]), without_lines(line.get("data") or {})
