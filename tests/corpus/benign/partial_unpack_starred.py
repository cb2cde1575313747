import torch
from typing import Sequence

NAMES = ("hip", "knee", "ankle")


def _weighted(parts: Sequence[torch.Tensor], *weights: float) -> torch.Tensor:
    acc = 0.0
    for p, w in zip(parts, weights):
        acc = acc + w * p
    return acc


def compute_reward(joint_vel: torch.Tensor, torso_quat: torch.Tensor, x_velocity: torch.Tensor):
    w, *xyz = torso_quat.unbind(dim=1)
    tilt = _weighted([c**2 for c in xyz], 1.0, 1.0, 0.2)
    components = {"tilt": -0.1 * tilt, "scalar_part": 0.1 * w.abs()}
    for i, name in enumerate(NAMES, start=1):
        a, b = joint_vel[:, i - 1], joint_vel[:, i + 2]
        components["sync_" + name] = torch.exp(-(a + b) ** 2) / len(NAMES)
    components["forward"] = torch.clamp(x_velocity, -1.0, 1.0)
    total, *rest = components.values()
    for term in rest:
        total = total + term
    return total, components
