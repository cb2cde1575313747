"""Adam over rows: torch's own for each row, with its own rate and its own gradient norm."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from rewardsmith.learn.adam import MAX_LEARNING_RATE, MIN_LEARNING_RATE, Adam
from rewardsmith.learn.policy import Shape, StackedNet, initial

SHAPE = Shape(obs_dim=1, action_dim=1, hidden=(), activation="tanh", init_log_std=0.0)
NO_LIMIT = 1e9


def _net(count: int = 2) -> StackedNet:
    return StackedNet(SHAPE, [initial(SHAPE, seed=k) for k in range(count)], device=torch.device("cpu"))


def _gradients(count: int, steps: int) -> list[Tensor]:
    draw = torch.Generator().manual_seed(0)
    return [torch.randn(count, _net().flat.shape[1], generator=draw) for _ in range(steps)]


def test_each_row_moves_as_torchs_adam_moves_it() -> None:
    net = _net()
    adam = Adam(net, learning_rate=1e-3)
    rows = [torch.nn.Parameter(row.clone()) for row in net.flat.detach()]
    theirs = torch.optim.Adam(rows, lr=1e-3, eps=1e-5)
    for grad in _gradients(2, 20):
        for k, row in enumerate(rows):
            row.grad = grad[k].clone()
        torch.nn.utils.clip_grad_norm_(rows[0], 0.5)
        torch.nn.utils.clip_grad_norm_(rows[1], 0.5)
        theirs.step()
        adam.step(grad.clone(), max_grad_norm=0.5)
    assert torch.allclose(net.flat, torch.stack([row.detach() for row in rows]), atol=1e-6)


def test_the_first_step_has_the_size_of_the_rate() -> None:
    """m / sqrt(v) is the gradient's sign at the first step, whatever its size."""
    net = _net(1)
    before = net.flat.detach().clone()
    grad = torch.full_like(before, 100.0)
    Adam(net, learning_rate=1e-3).step(grad, max_grad_norm=NO_LIMIT)
    assert (before - net.flat).detach().flatten().tolist() == pytest.approx([1e-3] * before.numel(), rel=1e-2)


def test_a_row_with_a_gradient_that_is_not_finite_hurts_no_other() -> None:
    hurt, whole = _net(), _net()
    ours, expected = Adam(hurt, learning_rate=1e-3), Adam(whole, learning_rate=1e-3)
    for grad in _gradients(2, 3):
        expected.step(grad.clone(), max_grad_norm=0.5)
        grad[1] = math.nan
        ours.step(grad, max_grad_norm=0.5)
    assert torch.equal(hurt.flat[0], whole.flat[0])
    assert hurt.flat[1].isnan().all()


def _step_sizes(adam: Adam, net: StackedNet) -> list[float]:
    """How far each row moves under one gradient: its learning rate, up to Adam's own factor."""
    before = net.flat.detach().clone()
    adam.step(torch.ones_like(before), max_grad_norm=NO_LIMIT)
    return [float(x) for x in (before - net.flat).detach().abs().max(dim=1).values]


def test_the_rate_falls_where_the_kl_is_too_large_and_rises_where_it_is_small() -> None:
    net = _net(4)
    adam = Adam(net, learning_rate=1e-4)
    # target 0.01: above 0.02, below 0.005, in between, and no KL at all (nothing was learned from)
    adam.adapt(torch.tensor([0.021, 0.0049, 0.01, 0.0]), 0.01)
    high, low, fine, none = _step_sizes(adam, net)
    assert high == pytest.approx(1e-4 / 1.5, rel=1e-2)
    assert low == pytest.approx(1.5e-4, rel=1e-2)
    assert fine == none == pytest.approx(1e-4, rel=1e-2)


def test_the_rate_stays_between_its_bounds() -> None:
    net = _net(2)
    adam = Adam(net, learning_rate=1e-4)
    for _ in range(40):
        adam.adapt(torch.tensor([1.0, 1e-6]), 0.01)
    low, high = _step_sizes(adam, net)
    assert low == pytest.approx(MIN_LEARNING_RATE, rel=1e-2)
    assert high == pytest.approx(MAX_LEARNING_RATE, rel=1e-2)


@pytest.mark.parametrize(("rate", "kl"), [(1e-2, 1e-6), (1e-7, 1.0)])
def test_a_rate_that_was_asked_for_is_within_bounds(rate: float, kl: float) -> None:
    net = _net(1)
    adam = Adam(net, learning_rate=rate)
    adam.adapt(torch.tensor([kl]), 0.01)
    assert float(adam.rows()["rate"][0]) == pytest.approx(rate)


def test_a_kl_that_is_not_a_number_leaves_the_rate() -> None:
    net = _net(1)
    adam = Adam(net, learning_rate=1e-4)
    adam.adapt(torch.tensor([math.nan]), 0.01)
    assert _step_sizes(adam, net) == pytest.approx([1e-4], rel=1e-2)


def test_a_stopped_row_never_moves_again_and_its_neighbour_goes_on() -> None:
    net, alone = _net(), _net()
    adam, expected = Adam(net, learning_rate=1e-3), Adam(alone, learning_rate=1e-3)
    first, *rest = _gradients(2, 5)
    adam.step(first.clone(), max_grad_norm=0.5)
    expected.step(first.clone(), max_grad_norm=0.5)
    adam.reset(1)
    stopped = net.flat[1].detach().clone()
    for grad in rest:
        adam.step(grad.clone(), max_grad_norm=0.5)
        expected.step(grad.clone(), max_grad_norm=0.5)
        adam.adapt(torch.tensor([0.01, 1e-6]), 0.01)
        expected.adapt(torch.tensor([0.01, 1e-6]), 0.01)
    assert torch.equal(net.flat[1], stopped)
    assert torch.equal(net.flat[0], alone.flat[0])
