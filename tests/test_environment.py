"""A task beside its environment, on the point simulator and on a real one."""

from __future__ import annotations

from pathlib import Path

import pytest

from rewardsmith import taskfile
from rewardsmith.environment import first_frame, raw_env_steps_per_s, unreported_at_reset
from rewardsmith.errors import ConfigError

POINT = """\
name: point_reach
goal: A point on a line should go to a target.
env: {backend: point, id: Point-v0}
episode_steps: 20
control_dt_s: 0.1
signals:
  offset: {source: "obs[2]", unit: m, doc: target minus position}
  near: {source: info.reached, unit: "1", doc: whether it is there}
fitness: {of: 0 - info.distance, reduce: mean, unit: m, doc: minus the mean distance}
success: {of: info.reached, reduce: any}
"""


def load(folder: Path, text: str) -> taskfile.LoadedTask:
    (folder / "task.yaml").write_text(text)
    return taskfile.load(str(folder / "task.yaml"))


def test_a_good_task_reads_everything_from_a_real_frame(tmp_path: Path) -> None:
    frame = first_frame(load(tmp_path, POINT))
    assert frame.obs["obs"].shape == (2, 3)
    assert set(frame.info) == {"distance", "reached"}


def test_every_use_of_a_missing_info_field_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        first_frame(load(tmp_path, POINT.replace("info.reached", "info.reach")))
    file = tmp_path / "task.yaml"
    assert str(caught.value).splitlines() == [
        f"{file}:{line}: info has no field 'reach'. Did you mean 'reached'? Known: distance, position, reached."
        for line in (8, 10)
    ]


def test_a_missing_field_of_the_hidden_fitness_is_told_with_its_line(tmp_path: Path) -> None:
    hidden = "hidden_fitness: {of: info.reach, reduce: mean, unit: m, doc: it}\n"
    with pytest.raises(ConfigError, match=r"task\.yaml:11: info has no field 'reach'\."):
        first_frame(load(tmp_path, POINT + hidden))


def test_a_fault_that_no_line_asks_for_is_told_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rewardsmith.environment._asking", lambda *_: ())
    with pytest.raises(ConfigError, match=r"^info has no field 'reach'"):
        first_frame(load(tmp_path, POINT.replace("info.reached", "info.reach")))


def test_signals_of_fields_that_a_reset_does_not_report_are_known(tmp_path: Path) -> None:
    text = POINT.replace("backend: point, id: Point-v0", "backend: gymnasium, id: HalfCheetah-v5")
    signals = (
        "  speed: {source: info.x_velocity, unit: m/s, doc: it}\n  cost: {source: info.reward_ctrl - info.x_velocity"
    )
    text = text.replace("  near: {source: info.reached", signals).replace("info.reached", "info.x_position")
    assert unreported_at_reset(load(tmp_path, text).task) == {
        "reward_ctrl": ("cost",),
        "x_velocity": ("speed", "cost"),
    }
    assert unreported_at_reset(load(tmp_path, POINT).task) == {}


def test_a_wrong_shape_is_told_before_a_run_begins(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"task.yaml:7: 'offset' declares shape \[2\]"):
        first_frame(load(tmp_path, POINT.replace('source: "obs[2]", unit', 'source: "obs[2]", shape: [2], unit')))


def test_an_environment_that_does_not_exist_is_told_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'Point-v0'"):
        first_frame(load(tmp_path, POINT.replace("Point-v0", "Pont-v0")))


def test_speed_is_measured_on_a_real_simulator() -> None:
    task = taskfile.load("reacher_reach").task
    assert raw_env_steps_per_s(task, num_envs=4, seconds=0.2) > 100
