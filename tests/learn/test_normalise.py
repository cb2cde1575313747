"""Running moments equal those of all rows at once, and rewards lose their scale and nothing else."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from rewardsmith.learn.normalise import ReturnScale, RunningMoments

CPU = torch.device("cpu")


def _moments(*batches: Tensor) -> RunningMoments:
    moments = RunningMoments(1, batches[0].shape[1], device=CPU)
    for rows in batches:
        moments.update(0, rows)
    return moments


def test_moments_begin_as_a_plain_standard() -> None:
    moments = RunningMoments(2, 3, device=CPU)
    assert moments.mean.shape == moments.var.shape == (2, 1, 3)
    assert not moments.mean.any()
    assert (moments.var == 1).all()


def test_moments_of_two_batches_worked_out_by_hand() -> None:
    # 0, 2 then 4, 6, 8: mean 20 / 5 = 4, variance (16 + 4 + 0 + 4 + 16) / 5 = 8
    moments = _moments(torch.tensor([[0.0], [2.0]]), torch.tensor([[4.0], [6.0], [8.0]]))
    assert moments.mean.item() == pytest.approx(4.0)
    assert moments.var.item() == pytest.approx(8.0)


@given(
    seed=st.integers(0, 2**31),
    sizes=st.lists(st.integers(0, 7), min_size=1, max_size=6).filter(lambda sizes: sum(sizes) > 0),
    centre=st.floats(-100, 100),
    spread=st.floats(0.01, 100),
)
def test_merging_batch_by_batch_equals_all_rows_at_once(
    seed: int, sizes: list[int], centre: float, spread: float
) -> None:
    rows = centre + spread * torch.randn(sum(sizes), 3, generator=torch.Generator().manual_seed(seed))
    moments = _moments(*rows.split(sizes))
    var, mean = torch.var_mean(rows.double(), dim=0, correction=0)
    size = max(abs(centre), spread)
    assert torch.allclose(moments.mean[0, 0].double(), mean, atol=1e-5 * size)
    assert torch.allclose(moments.var[0, 0].double(), var, rtol=1e-3, atol=1e-6 * size**2)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_rows_that_are_not_finite_change_nothing(bad: float) -> None:
    good = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    moments, expected = _moments(good, torch.tensor([[0.0, bad]]), good), _moments(good, good)
    assert torch.equal(moments.mean, expected.mean)
    assert torch.equal(moments.var, expected.var)


def test_a_stream_is_moved_by_its_own_rows_alone() -> None:
    moments = RunningMoments(3, 1, device=CPU)
    moments.update(1, torch.tensor([[5.0], [7.0]]))
    assert moments.mean.flatten().tolist() == [0.0, 6.0, 0.0]
    assert moments.var.flatten().tolist() == [1.0, 1.0, 1.0]
    moments.update(0, torch.tensor([[100.0], [300.0]]))
    assert moments.mean.flatten().tolist() == [200.0, 6.0, 0.0]


# --- rewards --------------------------------------------------------------------------------------------------------


def _rows(*values: float) -> Tensor:
    """One candidate, one environment: `(1, T, 1)`."""
    return torch.tensor(values).view(1, -1, 1)


def _flags(*at: bool) -> Tensor:
    return torch.tensor(at).view(1, -1, 1)


def test_rewards_are_divided_by_the_deviation_of_their_returns_worked_out_by_hand() -> None:
    # gamma 0.5; returns 2, then 0.5 * 2 + 5 = 6: mean 4, deviation 2, so the rewards are halved
    scale = ReturnScale(1, 1, gamma=0.5, device=CPU)
    scaled = scale.scale(_rows(2, 5), _flags(True, True), _flags(False, False))
    assert scaled.flatten().tolist() == pytest.approx([1.0, 2.5])


def test_a_return_begins_anew_after_an_episodes_end() -> None:
    # returns 2 | 6: the end between them keeps the 2 out of the second
    scale = ReturnScale(1, 1, gamma=0.5, device=CPU)
    scaled = scale.scale(_rows(2, 6), _flags(True, True), _flags(True, False))
    assert scaled.flatten().tolist() == pytest.approx([1.0, 3.0])


def test_a_return_goes_on_across_rollouts() -> None:
    together, apart = (ReturnScale(1, 1, gamma=0.5, device=CPU) for _ in range(2))
    whole = together.scale(_rows(2, 5), _flags(True, True), _flags(False, False))
    apart.scale(_rows(2), _flags(True), _flags(False))
    second = apart.scale(_rows(5), _flags(True), _flags(False))
    assert second.flatten().tolist() == pytest.approx(whole.flatten().tolist()[1:])


def test_a_row_that_only_resets_is_no_return() -> None:
    scale = ReturnScale(1, 1, gamma=0.5, device=CPU)
    scaled = scale.scale(_rows(2, 0, 6), _flags(True, False, True), _flags(True, False, False))
    assert scaled.flatten().tolist() == pytest.approx([1.0, 0.0, 3.0])


@given(st.floats(-12, 12).map(lambda power: 10**power), st.integers(0, 2**31))
def test_units_do_not_matter(unit: float, seed: int) -> None:
    """Multiplying a reward by any factor leaves what the learner sees."""
    rewards = torch.randn(1, 32, 4, generator=torch.Generator().manual_seed(seed)) + 0.5
    valid, done = torch.ones(1, 32, 4, dtype=torch.bool), torch.zeros(1, 32, 4, dtype=torch.bool)
    plain = ReturnScale(1, 4, gamma=0.99, device=CPU).scale(rewards, valid, done)
    in_units = ReturnScale(1, 4, gamma=0.99, device=CPU).scale(rewards * unit, valid, done)
    assert torch.allclose(plain, in_units, rtol=1e-2, atol=1e-3)
    assert torch.equal(plain.sign(), rewards.sign())


def test_an_extreme_reward_is_cut_at_ten() -> None:
    rewards = torch.zeros(1, 1000, 1)
    rewards[0, 500] = 1e6
    valid, done = torch.ones(1, 1000, 1, dtype=torch.bool), torch.ones(1, 1000, 1, dtype=torch.bool)
    assert ReturnScale(1, 1, gamma=0.9, device=CPU).scale(rewards, valid, done).max() == 10.0


def test_a_reward_of_nothing_but_zeros_stays_so() -> None:
    nothing, flags = torch.zeros(2, 8, 3), torch.ones(2, 8, 3, dtype=torch.bool)
    assert not ReturnScale(2, 3, gamma=0.9, device=CPU).scale(nothing, flags, ~flags).any()


def test_a_candidates_scale_is_its_own() -> None:
    draw = torch.Generator().manual_seed(0)
    rewards = torch.randn(3, 16, 2, generator=draw) * torch.tensor([1.0, 100.0, 0.01]).view(3, 1, 1)
    valid = torch.rand(3, 16, 2, generator=draw) > 0.1
    done = torch.zeros_like(valid)
    together = ReturnScale(3, 2, gamma=0.9, device=CPU).scale(rewards, valid, done)
    for k in range(3):
        one = slice(k, k + 1)
        alone = ReturnScale(1, 2, gamma=0.9, device=CPU).scale(rewards[one], valid[one], done[one])
        assert torch.equal(together[one], alone)
