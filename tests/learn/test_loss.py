"""PPO's gradients, written out: what autograd finds on the loss as it is written in the paper."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rewardsmith.config import TrainSettings
from rewardsmith.learn.formulas import LOG_SQRT_TWO_PI, gaussian_log_prob
from rewardsmith.learn.loss import Batch, gradients


def _batch(seed: int, rows: int = 12, actions: int = 3) -> tuple[Batch, Tensor, Tensor, Tensor]:
    """Two candidates whose policies have moved so far that some rows are clipped; some rows do not count."""
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw)

    mean, log_std, value = normal(2, rows, actions), 0.3 * normal(2, 1, actions), normal(2, rows)
    taken = mean + log_std.exp() * normal(2, rows, actions)
    batch = Batch(
        obs=normal(2, rows, 16),
        actions=taken,
        log_prob=gaussian_log_prob(taken, mean + 0.3 * normal(2, rows, actions), log_std),
        advantage=normal(2, rows),
        returns=normal(2, rows),
        value=value + 0.3 * normal(2, rows),
        weight=(torch.rand(2, rows, generator=draw) < 0.8).float(),
    )
    return batch, mean, log_std, value


def _loss(b: Batch, mean: Tensor, log_std: Tensor, value: Tensor, s: TrainSettings) -> Tensor:
    weight = b.weight / b.weight.sum(1, keepdim=True).clamp(min=1.0)
    ratio = (gaussian_log_prob(b.actions, mean, log_std) - b.log_prob).exp()
    clipped = ratio.clamp(1 - s.clip_coef, 1 + s.clip_coef)
    policy = -(torch.minimum(ratio * b.advantage, clipped * b.advantage) * weight).sum()
    error = (value - b.returns).square()
    if s.clip_value:
        near = b.value + (value - b.value).clamp(-s.clip_coef, s.clip_coef)
        error = torch.maximum(error, (near - b.returns).square())
    entropy = (log_std + 0.5 + LOG_SQRT_TWO_PI).sum()
    return policy + s.value_coef * 0.5 * (error * weight).sum() - s.entropy_coef * entropy


@pytest.mark.parametrize("clip_value", [False, True])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), entropy_coef=st.sampled_from([0.0, 0.01]))
def test_the_gradients_are_those_of_the_paper_s_loss(clip_value: bool, seed: int, entropy_coef: float) -> None:
    s = TrainSettings(clip_value=clip_value, entropy_coef=entropy_coef)
    batch, *outputs = _batch(seed)
    leaves = [x.requires_grad_() for x in outputs]
    expected = torch.autograd.grad(_loss(batch, *leaves, s), leaves)
    mean, log_std, value = (x.detach() for x in outputs)
    found = gradients(batch, mean=mean, log_std=log_std, value=value, s=s)
    for one, other in zip((found.mean, found.log_std, found.value), expected, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-6)


def test_the_kl_of_a_policy_to_itself_is_nothing() -> None:
    batch, mean, log_std, value = _batch(0)
    same = Batch(
        obs=batch.obs, actions=batch.actions, log_prob=gaussian_log_prob(batch.actions, mean, log_std),
        advantage=batch.advantage, returns=batch.returns, value=batch.value, weight=batch.weight,
    )  # fmt: skip
    found = gradients(same, mean=mean, log_std=log_std, value=value, s=TrainSettings())
    assert found.kl.abs().max() < 1e-5
    assert (gradients(batch, mean=mean, log_std=log_std, value=value, s=TrainSettings()).kl > 0.001).all()


def test_parts_hold_every_row_once_and_rows_stay_together() -> None:
    batch, *_ = _batch(1, rows=10)
    parts = list(batch.parts(torch.randperm(10, generator=torch.Generator().manual_seed(0))[None], 3))
    assert [len(p.returns[0]) for p in parts] == [4, 4, 2]
    returns = torch.cat([p.returns for p in parts], dim=1)
    for k in range(2):
        place = [batch.returns[k].tolist().index(x) for x in returns[k].tolist()]
        assert sorted(place) == list(range(10))
        assert torch.equal(torch.cat([p.actions for p in parts], dim=1)[k], batch.actions[k, place])
        assert torch.equal(torch.cat([p.obs for p in parts], dim=1)[k], batch.obs[k, place])
