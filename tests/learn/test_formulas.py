"""PPO's formulas, by hand, against torch, and against slow loops."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from rewardsmith.learn.formulas import gae, gaussian_log_prob, standardised

GAMMA, LAM = 0.5, 0.5  # powers of two keep the numbers below exact


def _gae(
    rewards: list[float], values: list[float], *, terminated: int | None = None, truncated: int | None = None,
    reset: int | None = None,
) -> list[float]:  # fmt: skip
    """One candidate, one environment; the arguments say at which step an episode ends or a row only resets."""
    steps = range(len(rewards))
    flags = {
        name: torch.tensor([[[t == at] for t in steps]])
        for name, at in (("terminated", terminated), ("truncated", truncated), ("reset", reset))
    }
    advantage = gae(
        torch.tensor(rewards, dtype=torch.float32).view(1, -1, 1),
        torch.tensor(values, dtype=torch.float32).view(1, -1, 1),
        terminated=flags["terminated"],
        done=flags["terminated"] | flags["truncated"],
        valid=~flags["reset"],
        gamma=GAMMA,
        lam=LAM,
    )
    return advantage.flatten().tolist()


def test_gae_within_an_episode_worked_out_by_hand() -> None:
    # delta_2 = 4 + 0.5 * 8 - 2 = 6              A_2 = 6
    # delta_1 = 2 + 0.5 * 2 - 4 = -1             A_1 = -1 + 0.25 * 6 = 0.5
    # delta_0 = 1 + 0.5 * 4 - 2 = 1              A_0 = 1 + 0.25 * 0.5 = 1.125
    assert _gae([1, 2, 4], [2, 4, 2, 8]) == [1.125, 0.5, 6.0]


def test_gae_termination_cuts_the_bootstrap() -> None:
    # delta_1 = 2 - 4 = -2, the value 8 of the last state does not count    A_0 = (1 + 0.5 * 4 - 2) + 0.25 * -2 = 0.5
    assert _gae([1, 2], [2, 4, 8], terminated=1) == [0.5, -2.0]


def test_gae_truncation_keeps_the_bootstrap() -> None:
    # delta_1 = 2 + 0.5 * 8 - 4 = 2                                          A_0 = 1 + 0.25 * 2 = 1.5
    assert _gae([1, 2], [2, 4, 8], truncated=1) == [1.5, 2.0]


@pytest.mark.parametrize("how", ["terminated", "truncated"])
def test_gae_gives_a_reset_row_zero_and_nothing_leaks_across_it(how: str) -> None:
    """Steps 0-1 end an episode, row 2 only resets, step 3 is the next episode's: its 1000 must not reach back."""
    advantage = _gae([1, 2, 77, 1000], [2, 4, 8, 16, 32], reset=2, **{how: 1})
    alone = _gae([1, 2], [2, 4, 8], **{how: 1})
    assert advantage[:2] == alone
    assert advantage[2] == 0.0
    assert advantage[3] == 1000 + 0.5 * 32 - 16


def _reference(
    rewards: Tensor, values: Tensor, terminated: Tensor, done: Tensor, valid: Tensor, gamma: float, lam: float
) -> Tensor:
    """The definition: A_t = sum over l of (gamma lam)^l delta_(t + l), up to the end of t's episode."""
    found = torch.zeros_like(rewards)
    count, steps, envs = rewards.shape
    for k in range(count):
        for n in range(envs):
            for t in range(steps):
                weight = 1.0
                for u in range(t, steps):
                    if not valid[k, u, n]:
                        break
                    following = 0.0 if terminated[k, u, n] else gamma * float(values[k, u + 1, n])
                    found[k, t, n] += weight * (float(rewards[k, u, n]) + following - float(values[k, u, n]))
                    if done[k, u, n]:
                        break
                    weight *= gamma * lam
    return found


@given(
    seed=st.integers(0, 2**31),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 3)),
    gamma=st.floats(0, 1),
    lam=st.floats(0, 1),
    resets=st.booleans(),
)
def test_gae_equals_the_sum_of_its_definition(
    seed: int, shape: tuple[int, int, int], gamma: float, lam: float, resets: bool
) -> None:
    count, steps, envs = shape
    draw = torch.Generator().manual_seed(seed)
    rewards = torch.randn(shape, generator=draw)
    values = torch.randn((count, steps + 1, envs), generator=draw)
    ends = torch.randint(0, 5, shape, generator=draw)
    valid = torch.ones(shape, dtype=torch.bool)
    for t in range(1, steps if resets else 0):  # the row after an end only resets; without, the next episode's follows
        valid[:, t] = ~((ends[:, t - 1] < 2) & valid[:, t - 1])
    terminated, done = (ends == 0) & valid, (ends < 2) & valid
    fast = gae(rewards, values, terminated=terminated, done=done, valid=valid, gamma=gamma, lam=lam)
    slow = _reference(rewards, values, terminated, done, valid, gamma, lam)
    assert torch.allclose(fast, slow, atol=1e-4)
    assert not fast[~valid].any()


def test_gae_with_lambda_one_is_the_return_less_the_value() -> None:
    # 1 + 0.5 * 2 + 0.25 * 4 = 3, less the value 2; a terminated end, so nothing beyond
    advantage = gae(
        torch.tensor([1.0, 2.0, 4.0]).view(1, 3, 1),
        torch.tensor([2.0, 5.0, -3.0, 9.0]).view(1, 4, 1),
        terminated=torch.tensor([False, False, True]).view(1, 3, 1),
        done=torch.tensor([False, False, True]).view(1, 3, 1),
        valid=torch.ones(1, 3, 1, dtype=torch.bool),
        gamma=0.5,
        lam=1.0,
    )
    assert advantage[0, 0, 0].item() == 1.0


@given(st.integers(0, 2**31), st.integers(1, 3), st.integers(1, 5), st.integers(1, 4))
def test_gaussian_log_prob_equals_torch_distributions(seed: int, count: int, rows: int, actions: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    mean, taken = torch.randn(2, count, rows, actions, generator=draw)
    log_std = torch.randn(count, 1, actions, generator=draw).clamp(-2, 2)
    expected = torch.distributions.Normal(mean, log_std.exp()).log_prob(taken).sum(-1)
    assert torch.allclose(gaussian_log_prob(taken, mean, log_std), expected, rtol=1e-4, atol=1e-4)


def test_standardised_rows_have_mean_zero_and_deviation_one_among_what_counts() -> None:
    # of 1, 3, 100 the last does not count: mean 2, variance 1
    x, weight = torch.tensor([[1.0, 3.0, 100.0], [4.0, 4.0, 4.0]]), torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    found = standardised(x, weight)
    assert found[0, :2].tolist() == pytest.approx([-1.0, 1.0])
    assert found[1].tolist() == [0.0, 0.0, 0.0]


def test_standardising_nothing_divides_by_nothing() -> None:
    assert torch.isfinite(standardised(torch.zeros(2, 3), torch.zeros(2, 3))).all()


@given(st.integers(0, 2**31))
def test_a_row_is_standardised_by_itself(seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(3, 20, generator=draw)
    weight = (torch.rand(3, 20, generator=draw) > 0.2).float()
    together = standardised(x, weight)
    assert all(torch.allclose(together[k], standardised(x[k : k + 1], weight[k : k + 1])[0]) for k in range(3))
