"""Multilayer perceptrons side by side, their parameters rows of one tensor, differentiated by autograd.

`policy.StackedNet` is the actor and critic of PPO with gradients written out; this is what is learned off-policy with:
any inputs, layer norm where asked for, and gradients by its own inputs too.

Shapes: K candidates, E networks each, B rows, P parameters of a network.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import layer_norm

from rewardsmith.learn.policy import padded, padded_width


class Perceptrons:
    """E networks for each of K candidates, all K * E of the same widths; ReLU between layers.

    Every width is padded as in `policy.ALIGN`. `flat (K, E * P)` is a leaf that autograd knows.
    """

    def __init__(self, count: int, each: int, widths: Sequence[int], *, normed: bool, device: torch.device) -> None:
        self._each, self._widths, self._normed = each, tuple(widths), normed
        self._sizes = [
            size for a, b in itertools.pairwise(padded_width(w) for w in widths) for size in ((a, b), (1, b))
        ]
        per_network = sum(a * b for a, b in self._sizes)
        self.flat = torch.zeros(count, each * per_network, device=device, requires_grad=True)

    def __call__(self, x: Tensor, *, flat: Tensor | None = None) -> Tensor:
        """`(K, B, widths[0])` to `(K, E, B, widths[-1])`; `flat`: parameters other than these networks' own."""
        flat = self.flat if flat is None else flat
        layers = self._layers(flat)
        count, rows = x.shape[:2]
        x = padded(x)[:, None].expand(-1, self._each, -1, -1).reshape(count * self._each, rows, -1)
        for i, (weight, bias) in enumerate(layers):
            x = torch.baddbmm(bias, x, weight)
            if i < len(layers) - 1:
                x = torch.relu(self._norm(x, self._widths[i + 1]))
        return x.view(count, self._each, rows, -1)[..., : self._widths[-1]]

    def _norm(self, x: Tensor, width: int) -> Tensor:
        """Each row of the real `width` to mean 0 and deviation 1, where these networks are normed."""
        return padded(layer_norm(x[..., :width], (width,))) if self._normed else x

    def _layers(self, flat: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Weights `(K * E, in, out)` and biases `(K * E, 1, out)`."""
        parts = torch.split(flat.view(len(flat) * self._each, -1), [a * b for a, b in self._sizes], dim=1)
        shaped = [part.view(-1, *size) for part, size in zip(parts, self._sizes, strict=True)]
        return list(zip(shaped[::2], shaped[1::2], strict=True))

    def row(self, k: int) -> dict[str, Tensor]:
        """Candidate k's first network, unpadded, on the CPU: `<layer>.weight (in, out)`, `<layer>.bias (1, out)`."""
        found: dict[str, Tensor] = {}
        for i, (weight, bias) in enumerate(self._layers(self.flat.detach())):
            fan_in, fan_out = self._widths[i], self._widths[i + 1]
            found[f"{i}.weight"] = weight[k * self._each, :fan_in, :fan_out].cpu().clone()
            found[f"{i}.bias"] = bias[k * self._each, :, :fan_out].cpu().clone()
        return found


def first(widths: Sequence[int], each: int, *, last_gain: float, draw: torch.Generator) -> Tensor:
    """First weights of one candidate's networks, `(E * P,)`: orthogonal, gain sqrt 2, `last_gain` at the end."""
    parts: list[Tensor] = []
    for _ in range(each):
        for i, (a, b) in enumerate(itertools.pairwise(widths)):
            weight = torch.zeros(padded_width(a), padded_width(b))
            gain = last_gain if i == len(widths) - 2 else 2**0.5
            weight[:a, :b] = torch.nn.init.orthogonal_(torch.empty(a, b), gain=gain, generator=draw)
            parts += [weight.flatten(), torch.zeros(padded_width(b))]
    return torch.cat(parts)
