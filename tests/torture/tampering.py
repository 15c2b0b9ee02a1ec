"""One thing changed in one step of a history, as somebody with a hand in the database would."""

import json
import random
from dataclasses import fields, replace
from datetime import datetime, timedelta

from service.core import values
from service.core.chain import Step


def changed(kept: Step, chance: random.Random) -> Step:
    """The step with one character of one of its texts, or its instant, changed."""
    name = chance.choice([f.name for f in fields(kept) if f.name not in {"seq", "logic", "instance_id"}])
    value = getattr(kept, name)
    if isinstance(value, datetime):
        return replace(kept, at=value + timedelta(microseconds=1))
    if isinstance(value, str):
        return replace(kept, **{name: _flipped(value, chance)})
    texts = values.canonical(value if isinstance(value, dict) else list(value)).decode()
    for _ in range(200):
        try:
            other = json.loads(_flipped(texts, chance))
        except ValueError:
            continue
        if isinstance(other, dict | list) and other != (value if isinstance(value, dict) else list(value)):
            return replace(kept, **{name: other if isinstance(other, dict) else tuple(other)})
    return replace(kept, actor=f"{kept.actor}x")


def _flipped(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text))
    return text[:at] + chr(ord(text[at]) ^ (1 << chance.randrange(3))) + text[at + 1 :]
