"""Stacked policies: each is itself, whoever is stacked beside it, and what is exported acts as what was trained."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rewardsmith.learn.policy import (
    ACTIVATIONS,
    ALIGN,
    OBS_CLIP,
    Shape,
    StackedNet,
    deterministic,
    export,
    initial,
    normalised,
    padded,
    scaled,
)
from rewardsmith.types import Policy

CPU = torch.device("cpu")
PLAIN = {"tanh": torch.tanh, "relu": torch.relu, "elu": torch.nn.functional.elu}
LOW, HIGH = torch.tensor([-1.0, 0.0]), torch.tensor([1.0, 6.0])


def _shape(
    obs_dim: int = 5, action_dim: int = 2, hidden: tuple[int, ...] = (24, 16), activation: str = "tanh"
) -> Shape:
    return Shape(obs_dim=obs_dim, action_dim=action_dim, hidden=hidden, activation=activation, init_log_std=-0.5)


def _net(shape: Shape, *seeds: int) -> StackedNet:
    return StackedNet(shape, [_lively(shape, seed) for seed in seeds], device=CPU)


def _lively(shape: Shape, seed: int) -> dict[str, Tensor]:
    """First parameters with biases that are not zero, and an output layer that matters."""
    draw = torch.Generator().manual_seed(seed)
    return {
        name: value + 0.3 * torch.randn(value.shape, generator=draw)
        for name, value in initial(shape, seed=seed).items()
    }


def _plain(parameters: dict[str, Tensor], net: str, x: Tensor, activation: str, depth: int) -> Tensor:
    """The same network, layer by layer, with nothing stacked and nothing padded."""
    for i in range(depth):
        x = PLAIN[activation](x @ parameters[f"{net}.{i}.weight"] + parameters[f"{net}.{i}.bias"])
    return x @ parameters[f"{net}.{depth}.weight"] + parameters[f"{net}.{depth}.bias"]


@settings(max_examples=15, deadline=None)
@given(
    obs_dim=st.integers(1, 20),
    action_dim=st.integers(1, 18),
    hidden=st.lists(st.integers(1, 20), max_size=3).map(tuple),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    count=st.integers(1, 3),
    rows=st.integers(1, 4),
)
def test_stacking_and_padding_change_nothing(
    obs_dim: int, action_dim: int, hidden: tuple[int, ...], activation: str, count: int, rows: int
) -> None:
    shape = _shape(obs_dim, action_dim, hidden, activation)
    parameters = [_lively(shape, seed) for seed in range(count)]
    net = StackedNet(shape, parameters, device=CPU)
    obs = torch.randn(count, rows, obs_dim, generator=torch.Generator().manual_seed(1))
    mean, value = net.mean(padded(obs)), net.value(padded(obs))
    assert mean.shape == (count, rows, action_dim)
    assert value.shape == (count, rows)
    for k in range(count):
        expected = _plain(parameters[k], "actor", obs[k], activation, len(hidden))
        assert torch.allclose(mean[k], expected, rtol=1e-4, atol=1e-4)
        expected = _plain(parameters[k], "critic", obs[k], activation, len(hidden))
        assert torch.allclose(value[k], expected[:, 0], rtol=1e-4, atol=1e-4)
        assert torch.equal(net.log_std[k, 0], parameters[k]["log_std"][0])


def test_a_row_gives_back_the_parameters_that_went_in() -> None:
    shape = _shape()
    net = _net(shape, 0, 1, 2)
    for k in range(3):
        row, given_ = net.row(k), _lively(shape, k)
        assert set(row) == set(given_) == set(shape.parameters())
        assert all(torch.equal(row[name], given_[name]) for name in given_)


def test_a_rows_copy_does_not_change_with_the_net() -> None:
    net = _net(_shape(), 0)
    row = net.row(0)
    with torch.no_grad():
        net.flat.zero_()
    assert row["actor.0.weight"].any()


def test_the_layers_are_views_into_the_flat_parameters() -> None:
    net, obs = _net(_shape(), 0, 1), padded(torch.ones(2, 3, 5))
    before = net.mean(obs).detach().clone()
    with torch.no_grad():
        net.flat[1] = 0.0
    after = net.mean(obs)
    assert torch.equal(after[0], before[0])
    assert not after[1].any()


def _backward(net: StackedNet, obs: Tensor, actor: Tensor, critic: Tensor) -> Tensor:
    """The gradient in `net.grad` where the loss's slope by each output is given."""
    for name, upstream in (("actor", actor), ("critic", critic)):
        net.backward(name, net.forward(name, obs), padded(upstream))
    return net.grad


def test_the_gradient_of_a_policy_is_its_own_and_padding_has_none() -> None:
    shape = _shape()
    net = _net(shape, 0, 1)
    obs = padded(torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(0)))
    slopes = torch.zeros(2, 4, 3)
    slopes[0] = 1.0
    grad = _backward(net, obs, slopes[..., :2], slopes[..., 2:])
    net.set_log_std_gradient(torch.tensor([[[1.0, 2.0]], [[0.0, 0.0]]]))
    ones = {name: torch.ones(size) for name, size in shape.parameters().items()}
    padding = StackedNet(shape, [ones], device=CPU).flat[0] == 0
    assert grad.shape == net.flat.shape
    assert padding.any()
    assert grad[0, ~padding].any()
    assert not grad[0, padding].any()
    assert not grad[1].any()


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(), (4,), (7, 3)])
def test_the_gradient_equals_autograds_on_a_plain_network(activation: str, hidden: tuple[int, ...]) -> None:
    shape = _shape(obs_dim=3, action_dim=2, hidden=hidden, activation=activation)
    plain = {name: value.requires_grad_() for name, value in _lively(shape, 0).items()}
    draw = torch.Generator().manual_seed(0)
    obs, slopes = torch.randn(6, 3, generator=draw), torch.randn(6, 3, generator=draw)
    actor, critic = (_plain(plain, net, obs, activation, len(hidden)) for net in ("actor", "critic"))
    ((actor * slopes[:, :2]).sum() + (critic * slopes[:, 2:]).sum() + plain["log_std"].exp().sum()).backward()
    net = _net(shape, 0)
    grad = _backward(net, padded(obs[None]), slopes[None, :, :2], slopes[None, :, 2:])
    net.set_log_std_gradient(net.log_std.exp())
    net.flat.copy_(grad)  # so that the row names its parts
    for name, found in net.row(0).items():
        expected = plain[name].grad
        assert expected is not None
        assert torch.allclose(found, expected, rtol=1e-4, atol=1e-5), name


# --- first weights --------------------------------------------------------------------------------------------------


def test_first_weights_are_orthogonal_with_the_gains_of_the_literature() -> None:
    shape = _shape(obs_dim=8, action_dim=3, hidden=(8, 8))
    found = initial(shape, seed=0)
    for name, gain in (("actor.0", 2**0.5), ("critic.1", 2**0.5), ("actor.2", 0.01), ("critic.2", 1.0)):
        weight = found[f"{name}.weight"]
        product = weight.T @ weight
        assert torch.allclose(product, gain**2 * torch.eye(len(product)), atol=1e-5)
    assert not any(value.any() for name, value in found.items() if name.endswith("bias"))
    assert (found["log_std"] == -0.5).all()


def test_first_weights_are_the_seeds() -> None:
    one, again, other = (initial(_shape(), seed=s) for s in (1, 1, 2))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["actor.0.weight"], other["actor.0.weight"])


# --- acting ---------------------------------------------------------------------------------------------------------


def test_scaled_actions_span_the_bounds_and_are_cut_there() -> None:
    raw = torch.tensor([[-1.0, -1.0], [0.0, 0.0], [1.0, 1.0], [5.0, -5.0], [0.5, 0.5]])
    assert scaled(raw, LOW, HIGH).tolist() == [[-1, 0], [0, 3], [1, 6], [1, 0], [0.5, 4.5]]


def test_observations_are_standardised_and_cut() -> None:
    # (7 - 1) / 2 = 3; (1e6 - 1) / 2 is cut
    obs, mean, var = torch.tensor([[[7.0], [1e6], [-1e6]]]), torch.tensor([[[1.0]]]), torch.tensor([[[4.0]]])
    assert normalised(obs, mean, var).flatten().tolist() == pytest.approx([3.0, OBS_CLIP, -OBS_CLIP])
    assert obs[0, 0, 0] == 7.0  # what was given is not written to


def _exported(shape: Shape, *seeds: int) -> tuple[StackedNet, Tensor, Tensor, list[Policy]]:
    net = _net(shape, *seeds)
    draw = torch.Generator().manual_seed(9)
    width = -(-shape.obs_dim // ALIGN) * ALIGN
    mean = torch.randn(len(seeds), 1, width, generator=draw)
    var = torch.rand(len(seeds), 1, width, generator=draw) + 0.5
    policies = [export(net, k, obs_mean=mean, obs_var=var, low=LOW, high=HIGH) for k in range(len(seeds))]
    return net, mean, var, policies


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("hidden", [(), (7,), (24, 16), (8, 8, 8)], ids=str)
def test_an_exported_policy_acts_as_the_net_it_came_from(activation: str, hidden: tuple[int, ...]) -> None:
    shape = _shape(hidden=hidden, activation=activation)
    net, mean, var, policies = _exported(shape, 0, 1, 2)
    obs = 3 * torch.randn(3, 6, 5, generator=torch.Generator().manual_seed(4))
    expected = scaled(net.mean(normalised(padded(obs), mean, var)), LOW, HIGH)
    found = deterministic(policies)(obs)
    assert found.shape == (3, 6, 2)
    assert torch.equal(found, expected)
    assert ((found >= LOW) & (found <= HIGH)).all()


def test_an_exported_policy_acts_the_same_alone_and_in_any_company() -> None:
    shape = _shape(obs_dim=17, action_dim=2, hidden=(64, 64))
    policies = _exported(shape, 0, 1, 2, 3, 4)[-1]
    obs = torch.randn(16, 17, generator=torch.Generator().manual_seed(4))
    alone = deterministic([policies[3]])(obs[None])[0]
    for company in ([3, 0], [0, 3], [4, 2, 3], [3, 3, 1, 0, 2, 4, 3]):
        acted = deterministic([policies[k] for k in company])(obs.expand(len(company), -1, -1))
        for place in (i for i, k in enumerate(company) if k == 3):
            assert torch.equal(acted[place], alone)


def test_an_exported_policy_is_plain_tensors_without_padding() -> None:
    policy = _exported(_shape(), 0)[-1][0]
    shapes = {name: tuple(value.shape) for name, value in policy.tensors.items()}
    assert shapes == {
        "actor.0.weight": (5, 24),
        "actor.0.bias": (1, 24),
        "actor.1.weight": (24, 16),
        "actor.1.bias": (1, 16),
        "actor.2.weight": (16, 2),
        "actor.2.bias": (1, 2),
        "critic.0.weight": (5, 24),
        "critic.0.bias": (1, 24),
        "critic.1.weight": (24, 16),
        "critic.1.bias": (1, 16),
        "critic.2.weight": (16, 1),
        "critic.2.bias": (1, 1),
        "log_std": (1, 2),
        "obs_mean": (1, 5),
        "obs_var": (1, 5),
        "action_low": (1, 2),
        "action_high": (1, 2),
        "activation": (),
    }
    assert not any(value.requires_grad for value in policy.tensors.values())
