"""What is declared is used, what is used is declared, and every version is exact."""

import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions

from tree import ROOT, files, imports, modules

NOT_IMPORTED = {
    "govuk-frontend-jinja": "templates, loaded by name",
    "gunicorn": "started as a program",
    "tzdata": "data, read by zoneinfo",
    "psycopg": "named in the database's address",
}


@cache
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def names(lines):
    return {normal(re.split(r"[\[=<>~]", line)[0]) for line in lines}


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def imported():
    return (
        {name.split(".")[0] for module in modules() for _, name in imports(module.tree)}
        - sys.stdlib_module_names
        - {"service"}
    )


def distribution(package):
    return {normal(name) for name in packages_distributions().get(package, [package])}


def test_versions_are_exact():
    constraints = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    lines = project()["dependencies"] + project()["optional-dependencies"]["dev"] + constraints
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+(\[\w+\])?==[\w.]+", line)] == []


def test_what_is_declared_is_used():
    used = set().union(*(distribution(package) for package in imported()))
    assert names(project()["dependencies"]) - used - set(NOT_IMPORTED) == set()


def test_what_is_used_is_declared():
    allowed = names(project()["dependencies"]) | {
        "werkzeug",
        "jinja2",
        "markupsafe",
    }  # Flask's own parts, pinned with it
    undeclared = {package for package in imported() if not distribution(package) & allowed}
    assert undeclared == set()


def test_no_lock_file_names_where_packages_came_from():
    locks = files(ROOT / "service" / "frontend", ".json")
    assert [path.name for path in locks if '"resolved"' in path.read_text()] == []
