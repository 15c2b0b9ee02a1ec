"""The door every JSON file comes through: bytes in, values out, or the reason why not.

Promises: only UTF-8 is read; what is too large, too deep, named twice or no number of JSON's is turned away with a
line. Never raises on any bytes.
"""

import json
import re
from dataclasses import replace

from service.core.gate.finding import Finding
from service.core.gate.xml_door import MAX_BYTES

MAX_DEPTH = 64


class _TwiceNamed(ValueError):
    """A name that stands twice in one object: readers differ in which of the two they take."""


def read(path: str, content: str | bytes) -> tuple[object, Finding | None]:
    """Return the value in ``content``, or the finding that refuses it."""
    try:
        data = content.encode() if isinstance(content, str) else bytes(content)
        text = data.decode()
    except UnicodeDecodeError as wrong:
        line = wrong.object.count(b"\n", 0, wrong.start) + 1
        message = "This file is not written in UTF-8, the only encoding that is read"
        return _refused(path, line, message, "Save it as UTF-8")
    except UnicodeEncodeError:
        return _refused(path, 1, "This file holds characters that no text may hold", "Save it as UTF-8")
    if len(data) > MAX_BYTES:
        return _refused(path, 1, "This file is larger than 2 MB, which no form needs", "Split it")
    return _parsed(path, text.removeprefix("\ufeff"))


def _parsed(path: str, text: str) -> tuple[object, Finding | None]:
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except json.JSONDecodeError as wrong:
        return _refused(path, wrong.lineno, f"This file is not readable JSON: {wrong}", "Correct it at this line")
    except _TwiceNamed as wrong:
        message = f"This file says “{wrong}” twice in one place, so it is not clear which holds"
        return _refused(path, _line(text, str(wrong)), message, "Take one of the two out")
    except ValueError:
        message = "This file holds a number that JSON does not know, or a far too long one"
        return _refused(path, 1, message, "Correct it")
    except RecursionError:
        return _refused(path, 1, "This file is nested far too deep", "Export it again")
    if _too_deep(value):
        return _refused(path, 1, f"This file nests more than {MAX_DEPTH} deep", "Export it again")
    return value, None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceNamed(next(name for name in names if names.count(name) > 1))
    return found


def _no_number(name: str) -> object:
    raise ValueError(name)


def _too_deep(value: object) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for each in level for child in _children(each)]
        if not level:
            return False
    return True


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def placed(finding: Finding, content: str | bytes) -> Finding:
    """The finding with the line its field stands on, as far as it can be seen in the text; else the first."""
    if finding.line is not None:
        return finding
    text = content if isinstance(content, str) else bytes(content).decode(errors="replace")
    return replace(finding, line=_line(text, finding.element or ""))


def _line(text: str, name: str) -> int:
    found = re.search(rf'"key"\s*:\s*"{re.escape(name)}"', text) if name else None
    where = found.start() if found else text.find(f'"{name}"')
    return text.count("\n", 0, where) + 1 if name and where >= 0 else 1


def _refused(path: str, line: int, message: str, mend: str) -> tuple[None, Finding]:
    return None, Finding(path, line, None, "error", "not-json", f"{message.removesuffix('.')}.", f"{mend}.")
