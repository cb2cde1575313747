"""Rollouts join up, and every episode is reduced once, whatever rollouts it spans."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from rewardsmith.interfaces import Rollout
from rewardsmith.rollouts import LENGTH, EpisodeMeter, Stepper, columns
from rewardsmith.sim.point import STRIDE_M, PointSimulator, point_task
from rewardsmith.types import Measure, Reduction

# --- stepping -------------------------------------------------------------------------------------------------------


def _points(num_envs: int = 2, episode_steps: int = 3) -> PointSimulator:
    task = point_task(episode_steps=episode_steps)
    return PointSimulator(task, env_seeds=range(num_envs), info_fields=("distance",))


def _half_speed(*_: object) -> Tensor:
    return torch.full((2, 1), 0.5)


def test_a_rollout_of_three_step_episodes_worked_out_by_hand() -> None:
    """Steps 0-2 are the first episode, step 3 only resets, steps 4-6 are the second, step 7 only resets."""
    rollout = Stepper(_points()).collect(_half_speed, 8)
    yes, no = True, False
    assert rollout.valid[:, 0].tolist() == [yes, yes, yes, no, yes, yes, yes, no]
    assert rollout.truncated[:, 0].tolist() == [no, no, yes, no, no, no, yes, no]
    assert not rollout.terminated.any()
    assert rollout.elapsed[:, 0].tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0]
    assert rollout.led_by[:, 0, 0].tolist() == [0, 0.5, 0.5, 0.5, 0, 0.5, 0.5, 0.5, 0]


def test_a_transition_is_the_state_before_the_action_and_the_state_after() -> None:
    rollout = Stepper(_points()).collect(_half_speed, 8)
    moved = rollout.obs["obs"][1:, :, 0] - rollout.obs["obs"][:-1, :, 0]
    assert moved[rollout.valid].tolist() == pytest.approx([0.5 * STRIDE_M] * 12, abs=1e-6)
    assert (moved[~rollout.valid].abs() > 1e-3).all()  # a jump to another start


def test_the_reward_and_info_of_a_row_belong_to_the_state_after_its_action() -> None:
    rollout = Stepper(_points()).collect(_half_speed, 8)
    distance = rollout.info["distance"]
    assert torch.equal(rollout.reward[rollout.valid], -distance[1:][rollout.valid])
    assert torch.equal(distance, rollout.obs["obs"][..., 2].abs())


def test_shapes_are_those_the_contract_promises() -> None:
    rollout = Stepper(_points()).collect(_half_speed, 5)
    assert rollout.obs["obs"].shape == (6, 2, 3)
    assert rollout.info["distance"].shape == (6, 2)
    assert rollout.led_by.shape == (6, 2, 1)
    assert rollout.elapsed.shape == (6, 2)
    assert rollout.reward.shape == rollout.terminated.shape == rollout.truncated.shape == rollout.valid.shape == (5, 2)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_several_rollouts_are_one_long_one_cut_in_pieces(lengths: list[int]) -> None:
    whole = Stepper(_points()).collect(_half_speed, sum(lengths))
    stepper, at = Stepper(_points()), 0
    for length in lengths:
        piece = stepper.collect(_half_speed, length)
        for name in ("led_by", "elapsed"):
            assert torch.equal(getattr(piece, name), getattr(whole, name)[at : at + length + 1])
        for name in ("reward", "terminated", "truncated", "valid"):
            assert torch.equal(getattr(piece, name), getattr(whole, name)[at : at + length])
        assert torch.equal(piece.obs["obs"], whole.obs["obs"][at : at + length + 1])
        at += length
    assert torch.equal(stepper.frame.obs["obs"], whole.obs["obs"][-1])


def test_actions_are_chosen_in_the_state_they_are_applied_to() -> None:
    """A policy that jumps straight to the target must see it: after one step of size offset the distance is 0."""
    stepper = Stepper(_points(episode_steps=30))
    rollout = stepper.collect(lambda _, frame: (frame.obs["obs"][:, 2:] / STRIDE_M).clamp(-1, 1), 25)
    assert rollout.info["distance"][-1].tolist() == pytest.approx([0, 0], abs=1e-6)


def test_columns_are_those_environments_and_no_others() -> None:
    rollout = Stepper(_points(num_envs=3)).collect(lambda t, _: torch.full((3, 1), 0.1 * t), 6)
    part = columns(rollout, 1, 3)
    for name in ("led_by", "reward", "terminated", "truncated", "valid", "elapsed"):
        assert torch.equal(getattr(part, name), getattr(rollout, name)[:, 1:3])
        assert getattr(part, name).is_contiguous()
    assert torch.equal(part.obs["obs"], rollout.obs["obs"][:, 1:3])
    assert torch.equal(part.info["distance"], rollout.info["distance"][:, 1:3])


# --- scoring whole episodes -----------------------------------------------------------------------------------------

REDUCTIONS: tuple[Reduction, ...] = get_args(Reduction)


def _steps(ends: Tensor) -> Rollout:
    """A rollout `(T, N)` of which only the ends matter: 1 terminated, 2 truncated; the step after each only resets."""
    done = ends > 0
    reset = torch.cat([torch.zeros(1, ends.shape[1], dtype=torch.bool), done[:-1]])
    nothing = torch.zeros(len(ends), ends.shape[1])
    return Rollout(
        obs={},
        info={},
        led_by=torch.zeros(len(ends) + 1, ends.shape[1], 1),
        reward=nothing,
        terminated=(ends == 1) & ~reset,
        truncated=(ends == 2) & ~reset,
        valid=~reset,
        elapsed=torch.zeros(len(ends) + 1, ends.shape[1], dtype=torch.int64),
    )


def _reduced(reduce: Reduction, values: list[float], ends: list[int], at_least: float | None = None) -> list[float]:
    meter = EpisodeMeter(Measure(source="x", reduce=reduce, at_least=at_least), 1)
    rollout = _steps(torch.tensor(ends)[:, None])
    return [float(v) for v in meter.update(torch.tensor(values)[:, None], rollout).value]


# Two episodes, 1 -2 4 and 0 0, and between them a row that only resets and holds a value that must not count.
VALUES = [1.0, -2.0, 4.0, 99.0, 0.0, 0.0, -99.0, 5.0]
ENDS = [0, 0, 2, 0, 0, 1, 0, 0]
BY_HAND: dict[Reduction, list[float]] = {
    "mean": [1.0, 0.0],  # (1 - 2 + 4) / 3
    "sum": [3.0, 0.0],
    "final": [4.0, 0.0],
    "max": [4.0, 0.0],
    "min": [-2.0, 0.0],
    "any": [1.0, 0.0],
}


@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_reductions_of_two_episodes_worked_out_by_hand(reduce: Reduction) -> None:
    assert _reduced(reduce, VALUES, ENDS) == BY_HAND[reduce]


def test_length_counts_the_transitions_of_an_episode() -> None:
    rollout = _steps(torch.tensor(ENDS)[:, None])
    assert EpisodeMeter(LENGTH, 1).update(rollout.valid.float(), rollout).value.tolist() == [3.0, 2.0]


def test_any_sees_a_negative_value_too() -> None:
    assert _reduced("any", [0.0, -1.0, 0.0], [0, 0, 1]) == [1.0]


def test_at_least_turns_the_reduced_value_into_one_or_zero_and_the_threshold_itself_counts() -> None:
    assert _reduced("sum", VALUES, ENDS, at_least=3.0) == [1.0, 0.0]
    assert _reduced("sum", VALUES, ENDS, at_least=3.001) == [0.0, 0.0]
    assert _reduced("min", VALUES, ENDS, at_least=-1.0) == [0.0, 1.0]


@pytest.mark.parametrize("reduce", REDUCTIONS)
@pytest.mark.parametrize("at_least", [None, 0.5])
def test_not_a_number_is_never_mistaken_for_a_value(reduce: Reduction, at_least: float | None) -> None:
    """A success that cannot be told is neither a success nor a failure; the judge rejects what is not finite."""
    assert math.isnan(_reduced(reduce, [1.0, math.nan], [0, 1], at_least)[0])


@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_not_a_number_in_a_row_that_only_resets_does_not_count(reduce: Reduction) -> None:
    values = [x if i not in (3, 6) else math.nan for i, x in enumerate(VALUES)]
    assert _reduced(reduce, values, ENDS) == BY_HAND[reduce]


@st.composite
def _episodes(draw: st.DrawFn) -> tuple[Tensor, Tensor, list[int]]:
    """Values and ends `(T, N)`, and where to cut T into rollouts."""
    steps, envs = draw(st.integers(1, 12)), draw(st.integers(1, 3))
    numbers = st.integers(-4, 4).map(float)
    values = torch.tensor(draw(st.lists(numbers, min_size=steps * envs, max_size=steps * envs))).view(steps, envs)
    ends = draw(st.lists(st.sampled_from([0, 0, 1, 2]), min_size=steps * envs, max_size=steps * envs))
    cuts = draw(st.lists(st.integers(0, steps), max_size=3).map(sorted))
    return values, torch.tensor(ends).view(steps, envs), cuts


def _slowly(reduce: Reduction, values: Tensor, rollout: Rollout) -> list[tuple[int, float]]:
    """Every episode's value, one environment and one step at a time."""
    plain = {
        "mean": lambda xs: sum(xs) / len(xs),
        "sum": sum,
        "final": lambda xs: xs[-1],
        "max": max,
        "min": min,
        "any": lambda xs: float(any(xs)),
    }[reduce]
    found: list[tuple[int, int, float]] = []
    for env in range(values.shape[1]):
        episode: list[float] = []
        for t in range(len(values)):
            if not rollout.valid[t, env]:
                continue
            episode.append(float(values[t, env]))
            if rollout.terminated[t, env] or rollout.truncated[t, env]:
                found.append((t, env, plain(episode)))
                episode = []
    return [(env, value) for _, env, value in sorted(found)]


@given(_episodes(), st.sampled_from(REDUCTIONS))
def test_the_meter_equals_a_slow_loop_wherever_rollouts_are_cut(
    drawn: tuple[Tensor, Tensor, list[int]], reduce: Reduction
) -> None:
    values, ends, cuts = drawn
    whole = _steps(ends)
    meter = EpisodeMeter(Measure(source="x", reduce=reduce), values.shape[1])
    found: list[tuple[int, float]] = []
    for start, stop in zip([0, *cuts], [*cuts, len(values)], strict=True):
        if start == stop:
            continue
        piece = Rollout(
            obs={},
            info={},
            led_by=whole.led_by[start : stop + 1],
            reward=whole.reward[start:stop],
            terminated=whole.terminated[start:stop],
            truncated=whole.truncated[start:stop],
            valid=whole.valid[start:stop],
            elapsed=whole.elapsed[start : stop + 1],
        )
        ended = meter.update(values[start:stop], piece)
        found += zip(ended.env.tolist(), ended.value.tolist(), strict=True)
    expected = _slowly(reduce, values, whole)
    assert [env for env, _ in found] == [env for env, _ in expected]
    assert np.allclose([v for _, v in found], [v for _, v in expected])
