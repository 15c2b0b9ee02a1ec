"""Definitions as files: what a folder deploys."""

from pathlib import Path

from service.core.errors import NotFound

KINDS = (
    "processes/*.bpmn", "processes/*.dmn", "processes/*.json", "processes/documents/*.json",
    "processes/scenarios/*.yaml", "forms/*.json",
)  # fmt: skip


def read_folder(root: Path) -> dict[str, str]:
    """The files of a definition below ``root``, by path. Raises ``NotFound`` when there are none."""
    found = {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for kind in KINDS
        for path in sorted(root.glob(kind))
    }
    if not found:
        raise NotFound(f"There are no processes or forms in {root}.")
    return found


def root_of(path: Path) -> Path:
    """The folder that holds ``processes/`` and ``forms/``, at or above ``path``. Raises ``NotFound``."""
    for folder in (path.resolve(), *path.resolve().parents):
        if (folder / "processes").is_dir():
            return folder
    raise NotFound(f"{path} is not inside a folder with processes/.")
