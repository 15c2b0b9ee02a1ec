"""What ``service lint`` looks at: a deployment as a whole, other files as they lie."""

import shutil

import pytest

from conftest import MINI
from gate_models import diagram
from service.runtime.checking import UPLOAD
from service.runtime.linting import gather, limits

LONE = diagram("start start", "task a", "end end", arrows="start>a a>end")


@pytest.fixture
def deployment(tmp_path):
    shutil.copytree(MINI, tmp_path / "mini")
    return tmp_path / "mini"


def test_a_deployment_is_taken_whole_from_any_of_its_folders(deployment):
    whole = gather(deployment)
    assert {"processes/application.bpmn", "processes/roles.json", "forms/check.json"} <= set(whole.files)
    assert gather(deployment / "processes") == whole
    assert whole.only is None


def test_one_file_of_a_deployment_keeps_its_companions_and_is_asked_for_alone(deployment):
    found = gather(deployment / "processes" / "application.bpmn")
    assert found.files == gather(deployment).files
    assert found.only == "processes/application.bpmn"


def test_a_lone_file_stands_alone_even_beside_others(tmp_path):
    for name in ("a.bpmn", "b.bpmn"):
        (tmp_path / name).write_text(LONE)
    found = gather(tmp_path / "a.bpmn")
    assert list(found.files) == ["processes/a.bpmn"]


def test_a_folder_that_only_lies_near_a_deployment_is_no_part_of_it(deployment):
    (deployment / "drafts").mkdir()
    (deployment / "drafts" / "a.bpmn").write_text(LONE)
    assert set(gather(deployment / "drafts").files) == {"a.bpmn"}
    assert set(gather(deployment / "drafts" / "a.bpmn").files) == {"processes/a.bpmn"}


def test_any_other_folder_is_taken_with_everything_in_it_whatever_its_bytes(tmp_path):
    (tmp_path / "forms").mkdir()
    (tmp_path / "forms" / "f.json").write_text("{}")
    (tmp_path / "a.bpmn").write_bytes(LONE.encode("utf-16"))
    assert set(gather(tmp_path).files) == {"a.bpmn", "forms/f.json"}


def test_a_folder_of_many_models_may_take_longer_than_one_upload(tmp_path):
    for number in range(60):
        (tmp_path / f"{number}.bpmn").write_text(LONE)
    assert limits(gather(tmp_path / "1.bpmn")) == UPLOAD
    assert limits(gather(tmp_path)).seconds > UPLOAD.seconds
