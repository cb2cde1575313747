"""Many actor-critics as one: stacked parameters, one forward for all, each with its own observation normaliser.

Shapes: K policies, B rows each, D observation numbers, A actions. Actions are scaled so that [-1, 1] spans the
environment's bounds; a policy is a diagonal Gaussian with one log standard deviation an action.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rewardsmith.types import Policy

ACTIVATIONS = ("tanh", "relu", "elu")
"""What a layer's outputs may pass through; a saved policy holds the position in this tuple."""
OBS_CLIP = 10.0
ALIGN = 16
"""Every width is padded with zeros to a multiple of this. A matrix product's last bits depend on how its operands lie
in memory (MKL); with 64-byte rows they do not, so a policy's numbers are the same alone and in company."""
HIDDEN_ALIGN = 32
"""The same for hidden layers' widths: the last bits of sigmoid and elu depend on a number's place in 128 bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What decides a network's parameters."""

    obs_dim: int
    action_dim: int
    hidden: tuple[int, ...]
    activation: str
    init_log_std: float

    def layers(self, out: int) -> list[tuple[int, int]]:
        """(fan_in, fan_out) of each layer of a network with `out` outputs."""
        return list(itertools.pairwise((self.obs_dim, *self.hidden, out)))

    def parameters(self, *, critic: bool = True) -> dict[str, tuple[int, int]]:
        """Every parameter's shape for one policy, in storage order, with or without its critic."""
        found: dict[str, tuple[int, int]] = {}
        for net, out in (("actor", self.action_dim), *([("critic", 1)] if critic else [])):
            for i, (fan_in, fan_out) in enumerate(self.layers(out)):
                found[f"{net}.{i}.weight"] = (fan_in, fan_out)
                found[f"{net}.{i}.bias"] = (1, fan_out)
        found["log_std"] = (1, self.action_dim)
        return found


def padded_width(width: int, *, align: int = ALIGN) -> int:
    """`width` rounded up to a multiple of `align`."""
    return -(-width // align) * align


def padded(x: Tensor, *, align: int = ALIGN) -> Tensor:
    """`x` with zeros after its last axis, up to a multiple of `align`."""
    return torch.nn.functional.pad(x, (0, padded_width(x.shape[-1], align=align) - x.shape[-1]))


def initial(shape: Shape, *, seed: int) -> dict[str, Tensor]:
    """One policy's parameters: orthogonal weights (gain sqrt 2; 0.01 for the actions, 1 for the value), zero biases.

    Reference: Andrychowicz et al. 2021, arXiv:2006.05990.
    """
    draw = torch.Generator().manual_seed(seed)
    last = {f"actor.{len(shape.hidden)}.weight": 0.01, f"critic.{len(shape.hidden)}.weight": 1.0}
    found: dict[str, Tensor] = {}
    for name, size in shape.parameters().items():
        value = torch.zeros(size)
        if name.endswith(".weight"):
            torch.nn.init.orthogonal_(value, gain=last.get(name, 2**0.5), generator=draw)
        elif name == "log_std":
            value.fill_(shape.init_log_std)
        found[name] = value
    return found


def fused(first: Mapping[str, Tensor], policy: Policy, share: float) -> dict[str, Tensor]:
    """First weights with `share` of a trained policy in its actor and deviation; the critic's stay as they are.

    Reference: Huang et al. 2025 (ROSKA), arXiv:2412.13492, which fuses the best policy so far with a random one.
    """
    return {
        name: value if name.startswith("critic.") else torch.lerp(value, policy.tensors[name], share)
        for name, value in first.items()
    }


class StackedNet:
    """K networks of one shape whose parameters are rows of one `(K, P)` tensor; the layers are views into it.

    Gradients are written out by hand into `grad`, laid out as `flat`: on small networks autograd's own bookkeeping
    costs as much as the arithmetic.
    """

    def __init__(
        self, shape: Shape, policies: Sequence[Mapping[str, Tensor]], *, device: torch.device, critic: bool = True
    ) -> None:
        self.shape = shape
        self._depth = len(shape.hidden)
        stacked = {
            name: torch.stack([_in_rows(name, p[name], depth=self._depth) for p in policies])
            for name in shape.parameters(critic=critic)
        }
        self.flat = torch.cat([v.flatten(1) for v in stacked.values()], dim=1).to(device)
        self.grad = torch.zeros_like(self.flat)
        self._views = _views(self.flat, stacked)
        self._grads = _views(self.grad, stacked)

    def mean(self, obs: Tensor) -> Tensor:
        """Action means `(K, B, A)` for normalised, padded observations."""
        return self.forward("actor", obs)[-1][..., : self.shape.action_dim]

    def value(self, obs: Tensor) -> Tensor:
        """Values `(K, B)` for normalised, padded observations."""
        return self.forward("critic", obs)[-1][..., 0]

    @property
    def log_std(self) -> Tensor:
        """`(K, 1, A)`."""
        return self._views["log_std"][..., : self.shape.action_dim]

    def forward(self, net: str, obs: Tensor) -> list[Tensor]:
        """What enters each layer of `actor` or `critic`, `(K, B, width)`, and last what leaves the last one."""
        layers = [obs]
        for i in range(self._depth):
            layers.append(activated_(self._layer(f"{net}.{i}", layers[-1]), self.shape.activation))
        return [*layers, self._layer(f"{net}.{self._depth}", layers[-1])]

    def backward(self, net: str, layers: Sequence[Tensor], upstream: Tensor) -> None:
        """Write the gradient of `net`'s parameters into `grad`; `upstream` is the loss's by the last of `layers`."""
        for i in range(self._depth, -1, -1):
            name, entered = f"{net}.{i}", layers[i]
            torch.bmm(entered.transpose(1, 2), upstream, out=self._grads[f"{name}.weight"])
            torch.sum(upstream, dim=1, keepdim=True, out=self._grads[f"{name}.bias"])
            if i:
                upstream = torch.bmm(upstream, self._views[f"{name}.weight"].transpose(1, 2))
                upstream = sloped_(upstream, entered, self.shape.activation)

    def set_log_std_gradient(self, gradient: Tensor) -> None:
        """Write the gradient `(K, 1, A)` of `log_std` into `grad`."""
        self._grads["log_std"][..., : self.shape.action_dim] = gradient

    def row(self, k: int) -> dict[str, Tensor]:
        """Policy k's parameters, unpadded, copied to the CPU."""
        sizes = self.shape.parameters()
        return {name: view[k, : sizes[name][0], : sizes[name][1]].cpu().clone() for name, view in self._views.items()}

    def _layer(self, name: str, x: Tensor) -> Tensor:
        return torch.baddbmm(self._views[f"{name}.bias"], x, self._views[f"{name}.weight"])


def activated_(x: Tensor, activation: str) -> Tensor:
    """The activation, in place. tanh is computed as 2 sigmoid(2x) - 1, which takes a quarter of the time on a CPU."""
    match activation:
        case "tanh":
            return x.tanh_() if x.is_cuda else x.mul_(2.0).sigmoid_().mul_(2.0).sub_(1.0)
        case "relu":
            return x.relu_()
        case _:
            return torch.nn.functional.elu_(x)


def sloped_(upstream: Tensor, left: Tensor, activation: str) -> Tensor:
    """`upstream`, in place, times the activation's slope where it gave `left`."""
    match activation:
        case "tanh":
            return upstream.addcmul_(upstream, left * left, value=-1.0)
        case "relu":
            return upstream.mul_(left > 0)
        case _:
            return upstream.mul_(left.clamp(max=0.0).add_(1.0))


def _views(flat: Tensor, like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Each parameter as a view into the rows of `flat`."""
    sizes = [value[0].numel() for value in like.values()]
    parts = torch.split(flat, sizes, dim=1)
    return {name: part.view(value.shape) for part, (name, value) in zip(parts, like.items(), strict=True)}


def _in_rows(name: str, value: Tensor, *, depth: int) -> Tensor:
    """A weight `(fan_in, fan_out)` or a row `(1, fan_out)` of a net with `depth` hidden layers, padded."""
    _, *layer = name.split(".")
    if not layer:  # log_std
        return padded(value)
    number, kind = int(layer[0]), layer[1]
    value = padded(value, align=HIDDEN_ALIGN if number < depth else ALIGN)
    rows = padded_width(len(value), align=HIDDEN_ALIGN if number else ALIGN) if kind == "weight" else len(value)
    return torch.nn.functional.pad(value, (0, 0, 0, rows - len(value)))


def normalised(obs: Tensor, mean: Tensor, var: Tensor) -> Tensor:
    """Observations `(K, B, D)` less their mean over their deviation, clipped; `mean`, `var`: `(K, 1, D)`."""
    return ((obs - mean) * torch.rsqrt(var + 1e-8)).clamp_(-OBS_CLIP, OBS_CLIP)


def scaled(actions: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Actions in [-1, 1], cut there, as the environment's own: `(..., A)`."""
    return (high + low) / 2 + actions.clamp(-1.0, 1.0) * ((high - low) / 2)


def deterministic(policies: Sequence[Policy]) -> Callable[[Tensor], Tensor]:
    """The policies' mean actions, stacked: observations `(K, B, D)` to actions `(K, B, A)` within bounds.

    All are of one kind: where the first has the tensor `squashed`, what each gives goes through tanh.
    """
    shape = _shape_of(policies[0])
    net = StackedNet(shape, [p.tensors for p in policies], device=torch.device("cpu"), critic=False)
    squashed = "squashed" in policies[0].tensors
    fixed = {
        name: torch.stack([p.tensors[name] for p in policies])
        for name in ("obs_mean", "obs_var", "action_low", "action_high")
    }
    mean, var = padded(fixed["obs_mean"]), padded(fixed["obs_var"])

    @torch.no_grad()
    def act(obs: Tensor) -> Tensor:
        given = net.mean(normalised(padded(obs), mean, var))
        return scaled(given.tanh() if squashed else given, fixed["action_low"], fixed["action_high"])

    return act


def export(net: StackedNet, k: int, *, obs_mean: Tensor, obs_var: Tensor, low: Tensor, high: Tensor) -> Policy:
    """Policy k as plain tensors: parameters, normaliser `(1, D)`, bounds `(1, A)` and the activation's number."""
    dim = net.shape.obs_dim
    return Policy(
        tensors={
            **net.row(k),
            "obs_mean": obs_mean[k, :, :dim].cpu().clone(),
            "obs_var": obs_var[k, :, :dim].cpu().clone(),
            "action_low": low[None].cpu().clone(),
            "action_high": high[None].cpu().clone(),
            "activation": torch.tensor(ACTIVATIONS.index(net.shape.activation)),
        }
    )


def _shape_of(policy: Policy) -> Shape:
    """The shape a policy's tensors have."""
    tensors = policy.tensors
    depth = sum(1 for name in tensors if name.startswith("actor.") and name.endswith(".weight")) - 1
    return Shape(
        obs_dim=tensors["obs_mean"].shape[1],
        action_dim=tensors["log_std"].shape[1],
        hidden=tuple(tensors[f"actor.{i}.weight"].shape[1] for i in range(depth)),
        activation=ACTIVATIONS[int(tensors["activation"].item())],
        init_log_std=0.0,
    )
