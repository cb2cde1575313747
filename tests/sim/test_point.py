"""The point simulator, worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from rewardsmith.errors import ConfigError
from rewardsmith.sim.point import INFO_FIELDS, STRIDE_M, PointSimulator, point_task
from rewardsmith.types import Task


def _points(task: Task | None = None, count: int = 4) -> PointSimulator:
    return PointSimulator(task or point_task(), env_seeds=range(count), info_fields=INFO_FIELDS)


def test_a_step_moves_the_point_by_a_tenth_of_the_action() -> None:
    points = _points()
    start = points.reset().obs["obs"]
    after = points.step(torch.tensor([[1.0], [-1.0], [0.5], [0.0]])).obs["obs"]
    assert (after[:, 0] - start[:, 0]).tolist() == pytest.approx([0.1, -0.1, 0.05, 0.0], abs=1e-6)
    assert torch.equal(after[:, 1], start[:, 1])
    assert torch.allclose(after[:, 2], after[:, 1] - after[:, 0])


def test_starts_and_targets_lie_within_a_metre() -> None:
    starts = _points(count=500).reset().obs["obs"][:, :2]
    assert starts.abs().max() <= 1.0
    assert starts.std() > 0.4  # of a uniform draw 0.58
    assert starts.mean().abs() < 0.1


def test_info_and_reward_are_the_distance_and_whether_it_is_small() -> None:
    points = _points()
    points.reset()
    frame = points.step(torch.zeros(4, 1))
    distance = (frame.obs["obs"][:, 1] - frame.obs["obs"][:, 0]).abs()
    assert torch.allclose(frame.info["distance"], distance)
    assert torch.allclose(frame.reward, -distance)
    assert torch.equal(frame.info["position"], frame.obs["obs"][:, 0])
    assert torch.equal(frame.info["reached"], (distance < 0.05).float())


def test_only_an_edge_terminates_and_only_outside_of_it() -> None:
    points = _points(point_task(edge=1.0, episode_steps=200))
    frame = points.reset()
    for _ in range(60):
        before = frame
        frame = points.step(torch.ones(4, 1))
        assert torch.equal(frame.terminated, (frame.info["position"] > 1.0) & ~frame.started)
        assert torch.equal(frame.started, before.terminated)
        assert not frame.truncated.any()


def test_an_end_at_the_edge_in_the_last_step_is_a_termination() -> None:
    start = float(_points().reset().obs["obs"][0, 0])
    points = PointSimulator(
        point_task(edge=abs(start) + 0.5 * STRIDE_M, episode_steps=1), env_seeds=[0], info_fields=()
    )
    points.reset()
    frame = points.step(torch.tensor([[1.0 if start > 0 else -1.0]]))
    assert (bool(frame.terminated), bool(frame.truncated)) == (True, False)


def test_its_task_can_be_reached_from_everywhere() -> None:
    """Two metres are the longest way, and twenty steps of 0.1 m go as far."""
    points = _points(count=200)
    frame = points.reset()
    for _ in range(20):
        frame = points.step((frame.obs["obs"][:, 2:] / STRIDE_M).clamp(-1, 1))
    assert frame.truncated.all()
    assert frame.info["reached"].all()


@pytest.mark.parametrize("edge", [0, -1.0, "far", True, float("nan")])
def test_an_edge_that_is_no_positive_number_is_refused(edge: object) -> None:
    task = replace(point_task(), env=replace(point_task().env, options={"edge": edge}))
    with pytest.raises(ConfigError, match=r"^point: option 'edge' is .*; expected a positive number of metres\.$"):
        _points(task)


def test_an_unknown_option_is_refused_with_the_known_ones() -> None:
    task = replace(point_task(), env=replace(point_task().env, options={"egde": 1.0}))
    with pytest.raises(ConfigError, match=r"has no option 'egde'\. Did you mean 'edge'\? Known: edge\."):
        _points(task)
