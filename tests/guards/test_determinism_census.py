"""SpiffWorkflow may read time and chance only where ``core.determinism`` stands in for them.

A release that adds a place fails here: look at the place, decide what the engine must be given there, and only then
write the new list: ``python tests/guards/test_determinism_census.py > tests/golden/determinism_census.json``.
"""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import SpiffWorkflow

ROOT = Path(SpiffWorkflow.__file__).parent
GOLDEN = Path(__file__).parents[1] / "golden" / "determinism_census.json"
NAMES = {
    "uuid1",
    "uuid4",
    "utcnow",
    "urandom",
    "token_hex",
    "token_bytes",
    "getrandbits",
    "randint",
    "shuffle",
    "monotonic",
}
OWNERS = {
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "localtime"),
    ("time", "gmtime"),
    ("datetime", "now"),
    ("datetime", "today"),
    ("date", "today"),
}
MODULES = {"random", "secrets"}


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def reads(node: ast.AST) -> bool:
    if isinstance(node, ast.Name):
        return node.id in NAMES
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value).rsplit(".", 1)[-1]
        return node.attr in NAMES or (owner, node.attr) in OWNERS or owner in MODULES
    return isinstance(node, ast.Import | ast.ImportFrom) and bool(imported(node) & MODULES)


def imported(node: ast.Import | ast.ImportFrom) -> set[str]:
    return {node.module or ""} if isinstance(node, ast.ImportFrom) else {name.name for name in node.names}


def places(node: ast.AST, inside: str = "") -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from places(child, f"{inside}.{child.name}".lstrip("."))
            continue
        if reads(child):
            what = "import" if isinstance(child, ast.Import | ast.ImportFrom) else dotted(child)
            yield f"{inside or 'module'}: {what}"
        yield from places(child, inside)


def census(root: Path) -> list[str]:
    """Return every place under ``root`` that mentions a clock or chance, as 'file function: expression'."""
    found = []
    for path in sorted(root.rglob("*.py")):
        tree = ast.parse(path.read_text())
        found += [f"{path.relative_to(root).as_posix()} {place}" for place in places(tree)]
    return sorted(found)


def test_spiffworkflow_reads_time_and_chance_only_where_we_know():
    assert census(ROOT) == json.loads(GOLDEN.read_text())


def test_the_census_sees_what_it_must(tmp_path):
    (tmp_path / "new.py").write_text(
        "import random\nfrom uuid import uuid4\nimport time\nfrom datetime import datetime, date\n"
        "class Task:\n    def stamp(self):\n"
        "        return time.time(), datetime.now(), date.today(), random.choice([1])\n"
        "made = dict(default_factory=uuid4)\n"
    )
    assert census(tmp_path) == [
        "new.py Task.stamp: date.today",
        "new.py Task.stamp: datetime.now",
        "new.py Task.stamp: random.choice",
        "new.py Task.stamp: time.time",
        "new.py module: import",
        "new.py module: uuid4",
    ]


if __name__ == "__main__":
    print(json.dumps(census(ROOT), indent=2))
