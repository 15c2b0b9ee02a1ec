"""The floors hold: every import contract of pyproject.toml is kept, and each of them can be broken."""

import subprocess
import sys
from pathlib import Path

from tree import ROOT

LINT = [sys.executable, str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]


def test_every_contract_is_kept():
    done = subprocess.run(LINT, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_a_page_that_reaches_into_the_tables_is_caught(tmp_path):
    for folder in ("", "web", "store", "runtime", "core"):
        (tmp_path / "service" / folder).mkdir(exist_ok=True)
        (tmp_path / "service" / folder / "__init__.py").touch()
    for name, text in {
        "cli": "",
        "app": "",
        "settings": "",
        "store/tables": "",
        "store/transaction": "",
        "web/page": "import service.store.tables\n",
        "core/rule": "import flask\n",
        "store/up": "import service.web.page\n",
    }.items():
        (tmp_path / "service" / f"{name}.py").write_text(text)
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    done = subprocess.run(LINT, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    for contract in ("Floors", "The core is pure", "Pages read through queries"):
        assert any(line.startswith(contract) and line.endswith("BROKEN") for line in done.stdout.splitlines()), (
            done.stdout
        )
