"""`suites` and `anchors` as a person types them."""

from __future__ import annotations

import importlib
import json
import re
import shutil
from pathlib import Path

import pytest

from rewardsmith import cli
from rewardsmith.commands import anchors as commands_anchors

POINT = """
name: point_reach
goal: A point on a line should go to a target.
env: {backend: point, id: Point-v0}
episode_steps: 10
control_dt_s: 0.1
signals:
  offset: {source: "obs[2]", unit: m, doc: target minus position}
fitness: {of: "0 - info.distance", reduce: mean, unit: m, doc: minus the mean distance to the target}
success: {of: info.reached, reduce: any}
train: {num_envs: 4, rollout_steps: 32, epochs: 2, minibatches: 2, hidden: [8]}
judge: {final_episodes: 4}
"""


@pytest.fixture
def point(tmp_path: Path) -> str:
    file = tmp_path / "point.yaml"
    file.write_text(POINT)
    return str(file)


def words(point: str, folder: Path, *more: str) -> list[str]:
    return ["anchors", point, "--env-steps", "128", "256", "--seeds", "1", "--folder", str(folder), *more]


def test_suites_lists_name_purpose_and_tasks(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["suites"]) == 0
    out = capsys.readouterr().out
    assert "gym5: The five Gymnasium v5 tasks" in out
    assert "half_cheetah_run, hopper_hop, inverted_pendulum_balance, reacher_reach, swimmer_forward" in out


def test_suites_as_json_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["suites", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"name", "about", "source", "tasks"} == set(rows[0])


def test_anchors_measures_tells_on_the_way_and_ends_with_a_table(
    point: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(words(point, tmp_path / "anchors")) == 0
    out, err = capsys.readouterr()
    heading, *rows = out.strip().splitlines()
    assert heading.split() == [
        "task", "policy", "env", "steps", "seeds", "fitness", "unit", "success", "env", "steps/s"
    ]  # fmt: skip
    assert [row.split()[:4] for row in rows] == [
        ["point_reach", "random", "-", "1"],
        ["point_reach", "expert", "128", "1"],
        ["point_reach", "expert", "256", "1"],
        ["point_reach", "sparse", "128", "1"],
        ["point_reach", "sparse", "256", "1"],
    ]
    assert re.search(r"^point_reach 1/3: random actions\npoint_reach 1/3: random -[\d.]+ m \(success \d+%\), ", err)
    assert "point_reach 2/3: the references, 128 env steps, seed 0\n" in err
    assert re.search(r"point_reach 3/3: expert -\S+ m \(success \d+%\), sparse -\S+ m \(success \d+%\), \d+ s\n", err)


def test_anchors_asked_for_again_measures_nothing_and_tells_the_same(
    point: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(words(point, tmp_path)) == 0
    first = capsys.readouterr().out
    before = (tmp_path / "point_reach.json").read_bytes()
    assert cli.run(words(point, tmp_path)) == 0
    again = capsys.readouterr()
    assert again.out == first
    assert again.err == "point_reach: all measured already.\n"
    assert (tmp_path / "point_reach.json").read_bytes() == before


STOPPING = """
from rewardsmith.sim.point import PointSimulator

def stop():
    return False

def make(task, **how):
    if stop():
        raise KeyboardInterrupt
    return PointSimulator(task, **how)
"""


def test_anchors_stopped_by_ctrl_c_keeps_what_is_done_and_goes_on(
    point: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It comes as the second of two pairs begins: when a simulator is made and the file holds the first pair."""
    (tmp_path / "stopping_backend.py").write_text(STOPPING)
    monkeypatch.syspath_prepend(tmp_path)
    Path(point).write_text(POINT.replace("backend: point", "backend: 'stopping_backend:make'"))
    backend = importlib.import_module("stopping_backend")
    file = tmp_path / "point_reach.json"
    monkeypatch.setattr(backend, "stop", lambda: file.exists() and len(json.loads(file.read_text())["trainings"]) == 2)
    assert cli.run(words(point, tmp_path)) == 130
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith(f"interrupted; what was measured is kept in {tmp_path}. The same command goes on from there.\n")
    before = json.loads(file.read_text())
    assert [(t["reward"], t["env_steps"]) for t in before["trainings"]] == [("expert", 128), ("sparse", 128)]
    monkeypatch.setattr(backend, "stop", lambda: False)
    assert cli.run(words(point, tmp_path)) == 0
    assert capsys.readouterr().err.startswith("point_reach 1/1: the references, 256 env steps, seed 0\n")
    after = json.loads(file.read_text())
    assert after["random"] == before["random"]
    assert [t for t in after["trainings"] if t["env_steps"] == 128] == before["trainings"]


def test_anchors_as_json_can_be_read(point: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(words(point, tmp_path, "--json")) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert (row["task"], row["unit"], row["episodes"]) == ("point_reach", "m", 4)
    assert [a["policy"] for a in row["anchors"]] == ["random", "expert", "expert", "sparse", "sparse"]


def test_a_changed_task_is_measured_anew_and_said_to_be(
    point: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was measured of it before is set aside, not written over."""
    assert cli.run(words(point, tmp_path)) == 0
    before = (tmp_path / "point_reach.json").read_bytes()
    Path(point).write_text(POINT.replace("reduce: mean", "reduce: final"))
    assert cli.run(words(point, tmp_path)) == 0
    err = capsys.readouterr().err
    [aside] = tmp_path.glob("point_reach.json.*.old")
    assert f"point_reach.json was of another task or other settings; it is kept as {aside}." in err
    assert aside.read_bytes() == before
    assert err.count("point_reach 3/3: the references, 256") == 2


def test_what_another_command_measured_meanwhile_is_kept(
    point: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It writes its file while this one trains."""
    file, other = tmp_path / "point_reach.json", tmp_path / "other"
    (tmp_path / "stopping_backend.py").write_text(STOPPING)
    monkeypatch.syspath_prepend(tmp_path)
    Path(point).write_text(POINT.replace("backend: point", "backend: 'stopping_backend:make'"))
    backend = importlib.import_module("stopping_backend")
    monkeypatch.setattr(backend, "stop", lambda: False)
    assert cli.run(["anchors", point, "--env-steps", "64", "--seeds", "1", "--folder", str(other)]) == 0
    monkeypatch.setattr(backend, "stop", lambda: not shutil.copy(other / "point_reach.json", file))
    assert cli.run(["anchors", point, "--env-steps", "128", "--seeds", "1", "--folder", str(tmp_path)]) == 0
    budgets = [(t["reward"], t["env_steps"]) for t in json.loads(file.read_text())["trainings"]]
    assert budgets == [("expert", 64), ("expert", 128), ("sparse", 64), ("sparse", 128)]


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_played(
    point: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("")
    assert cli.run(words(point, tmp_path / "taken")) == 2
    assert capsys.readouterr().err == f"error: --folder {tmp_path}/taken: nothing can be written there (File exists).\n"


def test_a_damaged_file_is_told_before_anything_is_trained(
    point: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "point_reach.json").write_text("{")
    assert cli.run(words(point, tmp_path)) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert "point_reach.json: is damaged: no JSON" in err
    assert err.count("\n") == 1


def test_two_tasks_of_one_name_are_told_before_anything_is_measured(
    point: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other.yaml").write_text(POINT.replace("episode_steps: 10", "episode_steps: 20"))
    suite = tmp_path / "mine.yaml"
    suite.write_text("name: mine\nabout: two\nsource: me\ntasks: [point.yaml, other.yaml]\n")
    monkeypatch.setattr(commands_anchors, "_work", lambda plan: pytest.fail(f"{plan.file} is measured"))
    assert cli.run(words(str(suite), tmp_path / "anchors")) == 2
    assert capsys.readouterr().err == (
        f"error: {point} and {tmp_path}/other.yaml both have the name 'point_reach', by which anchors are kept: one "
        f"{tmp_path}/anchors/point_reach.json cannot hold both. Change `name:` in one of them, or leave one out "
        "(--tasks).\n"
    )


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["gym6"], "Unknown suite or task 'gym6'. Did you mean 'gym5'?"),
        (["gym5", "--tasks", "hopper_hope"], "'gym5' has no task 'hopper_hope'. Did you mean 'hopper_hop'?"),
        (["gym5", "--seeds", "0"], 'Invalid value "0" for --seeds. Must be >= 1.'),
        (["gym5", "--env-steps", "0"], 'Invalid value "0" for --env-steps. Must be >= 1.'),
        (["gym5", "--env-steps", "9", "1.5"], "Invalid value for --env-steps: 1.5 is not a whole number."),
    ],
)
def test_wrong_words_are_one_line_that_helps(typed: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["anchors", *typed]) == 2
    assert capsys.readouterr().err.startswith(f"error: {told}")
