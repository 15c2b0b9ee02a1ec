"""The README is complete and true: every setting and command is in it, and what it points at is there."""

import re
from dataclasses import fields

import pytest

from service.cli import cli
from service.settings import Settings, env_name
from tree import ROOT

README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
FENCED = re.findall(r"```[a-z]*\n(.*?)```", README, re.DOTALL)
IN_CODE = " ".join([*FENCED, *re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", README, flags=re.DOTALL))])
PARTS = ["Run it", "One step", "The map", "Glossary", "Settings", "How to", "Decisions"]
FOLDERS = r"(?:service|processes|forms|tests|\.ci)/[\w./*-]*"


@pytest.mark.parametrize("setting", [env_name(field.name) for field in fields(Settings)])
def test_every_setting_is_explained(setting):
    assert re.search(rf"\|\s*`{setting}`\s*\|", README)


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_every_command_is_named(command):
    assert re.search(rf"\bservice {command}\b", IN_CODE)


def test_every_command_it_names_is_there():
    named = set(re.findall(r"\.venv/bin/service ([a-z-]+)", README))
    assert named - set(cli.commands) == set()


def test_every_make_target_it_names_is_there():
    named = set(re.findall(r"\bmake ([a-z0-9-]+)", IN_CODE))
    there = set(re.findall(r"^([a-z0-9-]+):.*## ", MAKEFILE, re.MULTILINE))
    assert named
    assert named - there == set()


def test_every_file_it_names_is_there():
    named = {path.rstrip("./") for path in re.findall(rf"`({FOLDERS})`", README)}
    assert {path for path in named if not list(ROOT.glob(path))} == set()


def test_its_parts_stand_in_order():
    assert re.findall(r"^## (.+)$", README, re.MULTILINE) == PARTS
