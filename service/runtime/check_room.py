"""The other side of ``checking``: reads files from its input, line by line, and answers with what the gate finds.

Before it reads anything it gives up what a check never needs: memory and processor time past the limits, and opening
any file or connection. ``python -m service.runtime.check_room SECONDS MEGABYTES`` is started by ``checking`` alone.
"""

import json
import os
import re
import resource
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from service.core import gate
from service.core.definitions import definition_of
from service.core.engine import trial
from service.core.gate.finding import Finding

Files = Mapping[str, str | bytes]
DEPLOYMENT = "processes/deployment.json"
MEGABYTE = 1024 * 1024
GROWN = 0.5
"""Share of the memory after which a room is not used again: what a check leaves behind must not fail the next."""
SAMPLE = {
    "processes/a.bpmn": (
        '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" targetNamespace="a" '
        'xmlns:s="http://spiffworkflow.org/bpmn/schema/1.0/core"><process id="a">'
        '<startEvent id="b"><extensionElements><s:properties><s:property name="form" value="a"/></s:properties>'
        '</extensionElements><messageEventDefinition id="m" messageRef="n"/></startEvent>'
        '<sequenceFlow id="c" sourceRef="b" targetRef="d"/>'
        '<intermediateCatchEvent id="d"><timerEventDefinition><timeDate>working_days_after(now(), 1)</timeDate>'
        '</timerEventDefinition></intermediateCatchEvent><sequenceFlow id="e" sourceRef="d" targetRef="f"/>'
        '<endEvent id="f"/></process><message id="n" name="n"/></definitions>'
    ),
    DEPLOYMENT: '{"key": "a", "main": "a"}',
    "processes/a.dmn": (
        '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="a" name="a" namespace="a">'
        '<decision id="a"><decisionTable id="b"><input id="c"><inputExpression id="d"><text>x</text></inputExpression>'
        '</input><output id="e" name="y"/><rule id="f"><inputEntry id="g"><text/></inputEntry>'
        '<outputEntry id="h"><text>1</text></outputEntry></rule></decisionTable></decision></definitions>'
    ),
    "forms/a.json": '{"title": "A", "type": "default", "components": [{"type": "text", "text": "A"}]}',
}
"""Files that take a check through every part of the gate and of the engine's own reader: what those read from disk
they read now."""


def main() -> None:
    """Serve until the input ends."""
    serve(examine, float(sys.argv[1]), int(sys.argv[2]))


def examine(files: Files) -> list[Finding]:
    """Everything the gate finds; what it lets through is also built and begun, which must fit the limits too."""
    found = gate.check(files)
    if DEPLOYMENT in files and not any(f.level == "error" for f in found):
        return found + list(_begun(files))
    return found


def _begun(files: Files) -> Iterator[Finding]:
    texts = {path: content if isinstance(content, str) else content.decode() for path, content in files.items()}
    try:
        trial.begin(definition_of(texts))
    except MemoryError:
        raise
    except Exception as refused:  # noqa: BLE001 - whatever the engine stumbles over, the answer is a finding
        message = f"The engine cannot begin this: {type(refused).__name__}: {refused}"
        yield Finding(DEPLOYMENT, None, None, "error", "cannot-begin", message, trial.MEND)


def serve(work: Callable[[Files], list[Finding]], seconds: float, megabytes: int) -> None:
    """Answer each line of the input with the findings of ``work``, within the limits."""
    answers, status = os.fdopen(os.dup(1), "wb"), _status()
    os.dup2(2, 1)  # whatever else is written goes where errors go
    for sample in (SAMPLE, {path: text.encode() for path, text in SAMPLE.items()}, {"processes/b.bpmn": b"\xff\xfe"}):
        work(sample)  # reads the schemas and the like while files can still be opened
    _tell(answers, {"limits": list(_limits(megabytes))})
    for line in sys.stdin.buffer:
        used = resource.getrusage(resource.RUSAGE_SELF)
        most = int(used.ru_utime + used.ru_stime + seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))
        enough = megabytes * MEGABYTE * GROWN
        _tell(answers, _answer(work, line) | {"again": _peak(status) < enough})


def _answer(work: Callable[[Files], list[Finding]], line: bytes) -> dict[str, Any]:
    try:
        files = {path: content if isinstance(content, str) else b64decode(content["base64"])
                 for path, content in json.loads(line).items()}  # fmt: skip
        found = [asdict(finding) for finding in work(files)]
    except MemoryError:
        return {"failed": "memory"}
    except Exception:  # noqa: BLE001 - a defect of a rule is told as a check that came to no end
        return {"failed": "defect"}
    return {"findings": found}


def _status() -> IO[bytes] | None:
    """What Linux tells of this process, opened while files still can be."""
    try:
        return Path("/proc/self/status").open("rb", buffering=0)
    except OSError:
        return None


def _peak(status: IO[bytes] | None) -> int:
    """The most memory this program has held, in bytes."""
    if status is not None:
        status.seek(0)
        found = re.search(rb"VmHWM:\s+(\d+) kB", status.read())
        if found:
            return int(found[1]) * 1024
    # Not asked first: on Linux it counts what the process was before it became this program, a whole web server.
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024


def _limits(megabytes: int) -> Iterator[str]:
    """Set the limits that last; tell those this machine takes."""
    wanted = {
        "memory": (resource.RLIMIT_AS, megabytes * MEGABYTE),
        "files": (resource.RLIMIT_NOFILE, 0),
        "written": (resource.RLIMIT_FSIZE, 0),
        "core": (resource.RLIMIT_CORE, 0),
    }
    yield "processor"
    for name, (limit, most) in wanted.items():
        try:
            resource.setrlimit(limit, (most, most))
        except (ValueError, OSError):
            continue
        yield name


def _tell(answers: Any, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")
    answers.flush()


if __name__ == "__main__":
    main()
