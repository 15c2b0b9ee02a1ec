"""Stories of a deployed version are played by the worker, a few at a turn, and what they gave is kept."""

import pytest
from click.testing import CliRunner

from service.cli import cli
from service.core.definitions import definition_of
from service.core.errors import NotAllowed, NotFound
from service.runtime import story_runs, worker
from service.runtime.telling import play_all, told_by
from traced import LATE, traced


def deployed(service, **more):
    files = traced() | {f"processes/scenarios/{name}.yaml": text for name, text in more.items()}
    return service.deployments.deploy(None, files, "With a trace").hash


def kept(service, version):
    with service.read() as db:
        return story_runs.kept(db, version)


def test_nothing_is_kept_until_somebody_asks(service):
    version = deployed(service)
    assert story_runs.turn(service) == 0
    assert kept(service, version) == story_runs.Kept((), (), None)


def test_what_is_asked_for_is_played_a_few_at_a_turn(service, who, clock):
    version = deployed(service, broken="hello", circle="name: x\ncontinues: {story: circle}")
    story_runs.ask(service, who("una"), version)
    assert kept(service, version).waiting == ("broken", "circle", "decided_late")
    assert story_runs.turn(service, at_once=2) == 2
    assert kept(service, version).waiting == ("decided_late",)
    clock.pass_by(minutes=1)
    assert story_runs.turn(service, at_once=2) == 1
    assert story_runs.turn(service, at_once=2) == 0
    found = kept(service, version)
    assert (found.waiting, found.at) == ((), clock())
    assert [(t.story, t.failure is None, t.proves) for t in found.told] == [
        ("broken", False, ()), ("circle", False, ()), ("decided_late", True, ("D1", "D2")),
    ]  # fmt: skip
    assert "application/late_reason" in found.told[-1].touched


def test_asking_again_plays_again(service, who):
    version = deployed(service)
    for _ in range(2):
        story_runs.ask(service, who("una"), version)
        assert kept(service, version).waiting == ("decided_late",)
        assert story_runs.turn(service) == 1


def test_only_process_owners_ask(service, who):
    version = deployed(service)
    with pytest.raises(NotAllowed):
        story_runs.ask(service, who("ann"), version)
    with pytest.raises(NotFound):
        story_runs.ask(service, who("una"), "0" * 64)
    assert kept(service, version).waiting == ()


def test_a_turn_of_the_worker_plays(service, who):
    version = deployed(service)
    story_runs.ask(service, who("una"), version)
    queue = worker.queue_of(service)
    worker.install(queue, service)
    (turn,) = queue._registry.periodic_tasks
    queue.execute(turn)
    assert len(kept(service, version).told) == 1
    queue.storage.flush_all()
    queue.storage.close()


def test_what_was_played_elsewhere_can_be_kept(service):
    version = deployed(service)
    told = [told_by(played) for played in play_all(definition_of(traced()))]
    story_runs.keep(service, version, told)
    assert kept(service, version).told == tuple(told)
    with pytest.raises(NotFound):
        story_runs.keep(service, "0" * 64, told)


def test_stories_give_the_same_on_one_core_and_on_several():
    definition = definition_of(traced() | {f"processes/scenarios/s{n}.yaml": traced()[LATE] for n in range(3)})
    one, several = (
        {p.story: p.report for p in play_all(definition, processes=count)} for count in (1, 3)
    )  # fmt: skip
    assert one == several
    assert set(one) == {"decided_late", "s0", "s1", "s2"}


def folder(tmp_path, files):
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return str(tmp_path)


def test_the_verb_says_how_every_duty_stands(tmp_path):
    done = CliRunner().invoke(cli, ["trace", folder(tmp_path, traced())])
    assert done.exit_code == 0
    assert "2 duties: 2 green, 0 red." in done.output


def test_the_verb_fails_when_a_duty_is_red(tmp_path):
    done = CliRunner().invoke(cli, ["trace", folder(tmp_path, traced({"D2": ("2", [])}))])
    assert done.exit_code == 1
    assert "No place holds it." in done.output
    assert "2 duties: 1 green, 1 red." in done.output


def test_the_verb_fails_when_a_story_proves_an_unknown_duty(tmp_path):
    done = CliRunner().invoke(cli, ["trace", folder(tmp_path, traced(proves="[D1, D2, D9]"))])
    assert done.exit_code == 1
    assert "proves D9" in done.output


def test_the_verb_shows_one_duty_fully(tmp_path):
    files = traced({"D2": ("2", ["application/decision_clock", "application/refused"])})
    done = CliRunner().invoke(cli, ["trace", folder(tmp_path, files), "--row", "D2"])
    assert done.exit_code == 0
    assert "D2, clause 2: Duty D2." in done.output
    assert "application/decision_clock: touched by decided_late" in done.output
    assert "application/refused: not touched" in done.output
    assert CliRunner().invoke(cli, ["trace", str(tmp_path), "--row", "D7"]).exit_code != 0


def test_the_verb_says_and_draws_what_no_story_takes(tmp_path):
    home, drawn = folder(tmp_path / "home", traced()), tmp_path / "drawn"
    done = CliRunner().invoke(
        cli, ["scenario", f"{home}/processes/scenarios", "--coverage", "--draw", str(drawn)]
    )  # fmt: skip
    assert done.exit_code == 1
    assert "1 passed, 0 failed" in done.output
    assert "Tree work application: “Granted?” – no → “Refused” (refuse) is never taken" in done.output
    assert "77.8 % of the flows are taken: 7 of 9." in done.output
    assert 'class="m"' in (drawn / "application.svg").read_text()


REFUSED = """
name: Refused after more time
continues: {story: decided_late, before: check}
steps:
  - {at: 2013-06-01T09:00, as: officer, message: more_time_allowed, data: {extended_to: 2013-07-20, reason: Bats nest.}}
  - {at: 2013-06-02T09:00, task: check, like: decided_late}
  - {at: 2013-06-03T09:00, task: decide, like: decided_late, data: {decision: refuse}}
"""


def test_the_verb_is_content_when_every_flow_is_taken(tmp_path):
    home = folder(tmp_path, traced() | {"processes/scenarios/refused.yaml": REFUSED})
    done = CliRunner().invoke(cli, ["scenario", f"{home}/processes/scenarios", "--coverage"])
    assert done.exit_code == 0, done.output
    assert "100.0 % of the flows are taken: 9 of 9." in done.output
    assert "never taken" not in done.output
