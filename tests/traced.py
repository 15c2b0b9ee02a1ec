"""The small definition with a trace of its own: duties that are held and proven, and duties that are not."""

import json

from build import MINI
from service.runtime.bundles import read_folder

LATE = "processes/scenarios/decided_late.yaml"
ROWS = {
    "D1": ("1", ["application/check", "forms/application"]),
    "D2": ("2", ["application/decision_clock", "forms/late_reason/fields/reason"]),
}


def traced(rows=None, proves="[D1, D2]"):
    """The files of the small definition, whose one story proves these duties."""
    files = read_folder(MINI)
    (path,) = (p for p in files if p.startswith("processes/scenarios/"))
    story = f"proves: {proves}\n{files.pop(path)}"
    written = [
        {"id": name, "clause": clause, "duty": f"Duty {name}.", "held_by": held}
        for name, (clause, held) in (ROWS | (rows or {})).items()
    ]
    return {**files, LATE: story, "processes/trace.json": json.dumps(written, indent=1)}
