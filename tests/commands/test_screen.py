"""`screen` as a person types it, against a file of episodes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from rewardsmith import cli, taskfile
from rewardsmith.config import EvolveConfig, TrainSettings
from rewardsmith.store import Run
from rewardsmith.store.episodes import to_bytes
from rewardsmith.store.sharing import meaning
from rewardsmith.types import Trajectory

pytestmark = pytest.mark.usefixtures("lent_sandbox")

POINT = """
name: point_reach
goal: A point on a line should go to a target.
env: {backend: point, id: Point-v0}
episode_steps: 4
control_dt_s: 0.1
signals:
  offset: {source: "obs[2]", unit: m, doc: target minus position}
fitness: {of: "0 - info.distance", reduce: final, unit: m, doc: minus the last distance to the target}
success: {of: info.reached, reduce: any}
"""
RIGHT = "def compute_reward(offset):\n    near = -offset.abs()\n    return near, {'near': near}\n"
WRONG = "def compute_reward(offset):\n    far = offset.abs()\n    return far, {'far': far}\n"


def _episode(offsets: Sequence[float]) -> Trajectory:
    offset = torch.tensor(offsets)
    return Trajectory(
        source="g001-00",
        signals={"offset": offset},
        actions=torch.diff(offset)[:, None],
        fitness_steps=-offset[1:].abs(),
        expert=None,
        fitness=-float(offset[-1].abs()),
        success=bool(offset[-1].abs() < 0.05),
        terminated=False,
    )


EPISODES = (
    *(_episode([1.0, 0.6, 0.2, 0.005 * i]) for i in range(8)),
    *(_episode([1.0, 1.2, 1.4, 1.5 + i]) for i in range(8)),
)


@pytest.fixture
def point(tmp_path: Path) -> str:
    file = tmp_path / "point.yaml"
    file.write_text(POINT)
    return str(file)


@pytest.fixture
def known(tmp_path: Path, point: str) -> str:
    task = taskfile.load(point).task
    file = tmp_path / "known.safetensors"
    file.write_bytes(to_bytes(EPISODES, about={"task": task.name, "meaning": meaning(task)}))
    return str(file)


@pytest.fixture
def rewards(tmp_path: Path) -> list[str]:
    files = [tmp_path / "right.py", tmp_path / "wrong.py"]
    for file, code in zip(files, (RIGHT, WRONG), strict=True):
        file.write_text(code)
    return [str(file) for file in files]


def test_screen_says_which_rewards_are_worth_training_and_why(
    point: str, known: str, rewards: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["screen", *rewards, "--task", point, "--against", known]) == 1
    out = capsys.readouterr().out
    assert "right.py: would be trained\n  preference: passed." in out
    assert "wrong.py: would be skipped\n  preference: failed." in out
    assert "demonstration: undecided. No expert" in out
    assert "| step | reward A |" in out


def test_returns_are_counted_as_the_run_counts_them_unless_told_otherwise(
    tmp_path: Path, point: str, rewards: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    config = EvolveConfig(train=TrainSettings(gamma=0.5))
    task = taskfile.load(point).task
    with Run.create(tmp_path / "run", task=task, config=config, task_text=POINT, allowed={"offset": ()}) as run:
        run.set_start_trajectories(EPISODES)
    words = [
        "screen",
        rewards[1],
        "--task",
        point,
        "--against",
        str(tmp_path / "run"),
        "--set",
        "screen.preference=paper",
    ]
    assert cli.run(words) == 1
    assert "discounted by 0.5:" in capsys.readouterr().out
    assert cli.run([*words, "--set", "train.gamma=0.75"]) == 1
    assert "discounted by 0.75:" in capsys.readouterr().out


def test_screen_as_json_is_an_object_a_line(
    point: str, known: str, rewards: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    right = [rewards[0], "--task", point, "--against", known, "--set", "screen.demonstration=false"]
    assert cli.run(["screen", *right, "--json"]) == 0, "whoever screens right rewards alone leaves with zero"
    [told] = map(json.loads, capsys.readouterr().out.splitlines())
    assert [t["verdict"] for t in told["tests"]] == ["passed"]


def test_a_task_that_does_not_fit_its_environment_is_told_with_its_line(
    point: str, known: str, rewards: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path(point).write_text(POINT.replace("obs[2]", "obs[99]"))
    Path(known).write_bytes(to_bytes([], about={"task": "point_reach", "meaning": meaning(taskfile.load(point).task)}))
    assert cli.run(["screen", rewards[0], "--task", point, "--against", known]) == 2
    assert f"{point}:8: " in capsys.readouterr().err


def test_episodes_of_another_task_are_refused(
    point: str, known: str, rewards: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path(point).write_text(POINT.replace("name: point_reach", "name: other"))
    assert cli.run(["screen", rewards[0], "--task", point, "--against", known]) == 2
    assert "of task 'point_reach'" in capsys.readouterr().err
