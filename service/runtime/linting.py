"""Which files the gate is shown for a path given on the command line: a deployment whole, anything else as it lies.

Files are read as bytes: whether they are text at all is for the gate to say.
"""

from dataclasses import dataclass
from pathlib import Path

from service.runtime.bundles import KINDS
from service.runtime.checking import Limits

LOOSE = ("*.bpmn", "*.bpmn20.xml", "*.dmn", "*.json")
DEPLOYMENT = "processes/deployment.json"


@dataclass(frozen=True, slots=True)
class Gathered:
    """The files to check, by path, and the one path whose findings were asked for (``None``: all of them)."""

    files: dict[str, bytes]
    only: str | None


def gather(path: Path) -> Gathered:
    """Return what to check for ``path``.

    A folder with ``processes/`` is a deployment. A file of a deployment is checked among all its companions, but only
    its own findings are asked for. Any other folder is taken with everything in it; any other file stands alone.
    """
    own = path.resolve()
    root = own if (own / "processes").is_dir() else _deployment_around(own)
    if root is not None:
        found = {p.relative_to(root).as_posix(): p for kind in KINDS for p in root.glob(kind)}
        inside = own.relative_to(root).as_posix()
        if inside in found:
            return Gathered(_read(found), inside)
        if own.is_dir() and inside.partition("/")[0] in {".", "processes", "forms"}:
            return Gathered(_read(found), None)
    if own.is_dir():
        loose = {p.relative_to(own).as_posix(): p for kind in LOOSE for p in own.rglob(kind) if p.is_file()}
        return Gathered(_read(loose), None)
    kind = "forms" if own.suffix == ".json" else "processes"
    return Gathered({f"{kind}/{own.name}": own.read_bytes()}, None)


def limits(gathered: Gathered) -> Limits:
    """What checking may take: as much as an upload, and more where a whole folder of models is asked about."""
    usual = Limits()
    several = max(1, len(gathered.files) // 10)
    return Limits(usual.seconds * several, usual.megabytes * min(several, 4))


def _deployment_around(own: Path) -> Path | None:
    return next((folder for folder in own.parents if (folder / DEPLOYMENT).is_file()), None)


def _read(found: dict[str, Path]) -> dict[str, bytes]:
    return {name: found[name].read_bytes() for name in sorted(found)}
