"""The containers are what the tests prove: the same settings, commands, versions and users."""

import re
import shlex

import psycopg
import pytest
import yaml

from service.cli import cli
from service.runtime import serving
from service.settings import Settings, env_name
from tree import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
OURS = {name: part for name, part in COMPOSE["services"].items() if name != "database"}
DATABASE = COMPOSE["services"]["database"]
NAMES = {env_name(field) for field in Settings.__dataclass_fields__}


def flags() -> dict[str, str]:
    words = DATABASE["command"]
    assert words[0] == "postgres"
    assert words[1::2] == ["-c"] * (len(words) // 2)
    return dict(setting.split("=", 1) for setting in words[2::2])


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_setting_is_one_of_ours(name):
    given = set(OURS[name]["environment"])
    assert {setting.removesuffix("_FILE") for setting in given} - NAMES == set()
    assert {"CASEWORK_DATABASE_URL_FILE", "CASEWORK_SECRET_KEY_FILE"} <= given, "secrets are handed over in files"
    for setting, value in OURS[name]["environment"].items():
        if setting.endswith("_FILE"):
            assert value.removeprefix("/run/secrets/") in OURS[name]["secrets"]


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_command_is_one_of_ours(name):
    command = OURS[name].get("command")
    if command is None:  # the image's own: the web server, started as the service starts it
        words = [word.strip('[", ]') for word in re.search(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[1].split(",")]
        ours = serving._commands(Settings())[0]
        assert words[:2] == ["gunicorn", "service.app:from_environment()"] == ours[2:4]
        assert "--worker-class=sync" in words
        assert "--no-control-socket" in words
        assert ours[ours.index("--worker-class") + 1] == "sync"
        return
    assert command[:3] == ["python", "-m", "service.cli"]
    assert command[3] in cli.commands


@pytest.mark.parametrize("name", sorted(OURS))
def test_nothing_runs_as_root_or_writes_where_it_need_not(name):
    assert re.search(r"^USER service$", DOCKERFILE, re.MULTILINE)
    assert "user" not in OURS[name]
    assert OURS[name]["read_only"] is True
    assert OURS[name]["cap_drop"] == ["ALL"]
    assert OURS[name]["security_opt"] == ["no-new-privileges:true"]


def test_the_schema_comes_before_whoever_needs_it():
    assert OURS["migrate"]["command"][3] == "migrate"
    assert OURS["migrate"]["depends_on"]["database"]["condition"] == "service_healthy"
    for name in ("web", "worker"):
        assert OURS[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
        assert OURS[name]["restart"] == "unless-stopped"
    assert OURS["web"]["ports"] == ["127.0.0.1:8000:8000"], "only what stands before it may reach it"
    assert "ports" not in DATABASE


def test_the_database_says_when_it_is_ready():
    test = DATABASE["healthcheck"]["test"]
    assert test[:2] == ["CMD", "pg_isready"]
    assert f"--username={DATABASE['environment']['POSTGRES_USER']}" in test
    assert f"--dbname={DATABASE['environment']['POSTGRES_DB']}" in test


def test_every_secret_and_folder_it_names_is_declared():
    for part in COMPOSE["services"].values():
        assert set(part["secrets"]) <= set(COMPOSE["secrets"])
        assert {volume.split(":")[0] for volume in part["volumes"]} <= set(COMPOSE["volumes"])
    assert OURS["web"]["volumes"] == ["service:/var/lib/service"]
    assert "CASEWORK_DATA_FOLDER=/var/lib/service" in shlex.split(
        re.search(r"^ENV (PATH=.*)$", DOCKERFILE, re.MULTILINE)[1]
    )


def test_nothing_weakens_what_was_acknowledged():
    assert flags()["synchronous_commit"] == "on"
    assert flags()["full_page_writes"] == "on"
    assert flags()["fsync"] == "on"


@pytest.mark.postgres
def test_the_database_is_the_version_the_tests_run_on_and_takes_these_flags(mortal):
    image, _, version = DATABASE["image"].partition(":")
    with psycopg.connect(mortal.url) as db:
        assert (image, int(version)) == ("postgres", db.info.server_version // 10_000)
    given = [word for name, value in flags().items() for word in ("-c", f"{name}={value}")]
    mortal.control("stop", "-m", "fast")
    mortal.start(*given)
    try:
        with psycopg.connect(mortal.url) as db:
            found = {name: db.execute("SELECT current_setting(%s)", [name]).fetchone()[0] for name in flags()}
            sources = db.execute(
                "SELECT count(*) FROM pg_settings WHERE source = 'command line' AND name = ANY(%s)", [list(flags())]
            ).fetchone()[0]
    finally:
        mortal.control("stop", "-m", "fast")
        mortal.start()
    assert (found, sources) == (flags(), len(flags()))
