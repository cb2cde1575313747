"""Perceptrons side by side: each is the network that torch's own modules would make of its weights."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn

from rewardsmith.learn.perceptrons import Perceptrons, first

CPU = torch.device("cpu")
WIDTHS = (5, 24, 20, 3)


def _stack(count: int, each: int, *, normed: bool) -> Perceptrons:
    stack = Perceptrons(count, each, WIDTHS, normed=normed, device=CPU)
    for k in range(count):
        draw = torch.Generator().manual_seed(k)
        stack.flat.detach()[k] = first(WIDTHS, each, last_gain=1.0, draw=draw)
    return stack


def _module(weights: dict[str, Tensor], *, normed: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i, (a, b) in enumerate(itertools.pairwise(WIDTHS)):
        linear = nn.Linear(a, b)
        linear.weight.data, linear.bias.data = weights[f"{i}.weight"].T.clone(), weights[f"{i}.bias"][0].clone()
        layers += [linear, *([nn.LayerNorm(b, elementwise_affine=False)] if normed else []), nn.ReLU()]
    return nn.Sequential(*layers[: -2 if normed else -1])


@pytest.mark.parametrize("normed", [False, True])
def test_outputs_and_gradients_are_those_of_torchs_modules(normed: bool) -> None:
    stack = _stack(2, 1, normed=normed)
    x = torch.randn(2, 7, 5, generator=torch.Generator().manual_seed(9), requires_grad=True)
    out = stack(x)
    assert out.shape == (2, 1, 7, 3)
    by_input, by_weights = torch.autograd.grad(out.square().sum(), [x, stack.flat])
    for k in range(2):
        module = _module(stack.row(k), normed=normed)
        mine = x.detach()[k].requires_grad_()
        wanted = module(mine)
        torch.testing.assert_close(out[k, 0], wanted, atol=1e-5, rtol=1e-5)
        wanted.square().sum().backward()
        torch.testing.assert_close(by_input[k], mine.grad, atol=1e-4, rtol=1e-4)
        first_layer = module[0]
        assert isinstance(first_layer, nn.Linear)
        assert first_layer.weight.grad is not None
        found = by_weights[k, : 16 * 32].view(16, 32)[:5, :24]
        torch.testing.assert_close(found, first_layer.weight.grad.T, atol=1e-4, rtol=1e-4)


def test_padding_never_moves() -> None:
    stack = _stack(1, 1, normed=True)
    [grad] = torch.autograd.grad(stack(torch.randn(1, 4, 5)).square().sum(), [stack.flat])
    weight = grad[0, : 16 * 32].view(16, 32)
    assert weight[:5, :24].abs().sum() > 0
    assert weight[5:].abs().sum() == weight[:, 24:].abs().sum() == 0


def test_several_networks_of_a_candidate_see_the_same_and_say_different_things() -> None:
    stack = _stack(2, 2, normed=True)
    x = torch.randn(2, 4, 5)
    both = stack(x)
    assert not torch.allclose(both[:, 0], both[:, 1])
    torch.testing.assert_close(both[1, 0], _module(stack.row(1), normed=True)(x[1]), atol=1e-5, rtol=1e-5)


def test_other_parameters_may_be_lent() -> None:
    stack, other = _stack(1, 1, normed=False), _stack(2, 1, normed=False).flat.detach()[1:]
    x = torch.randn(1, 4, 5)
    lent = stack(x, flat=other)
    assert not torch.allclose(lent, stack(x))
    stack.flat.detach().copy_(other)
    assert torch.equal(lent, stack(x))
