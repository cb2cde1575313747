import math

import torch
import torch.nn.functional as F

WEIGHTS = torch.tensor([1.0, 0.5, 0.25])


def quat_to_up(q: torch.Tensor) -> torch.Tensor:
    """The world's z axis of the body's own z axis."""
    x, y = q[:, 1], q[:, 2]
    return 1.0 - 2.0 * (x * x + y * y)


def compute_reward(torso_quat, hand_pos, goal_pos, x_velocity):
    squash = lambda v, s: 1.0 - torch.tanh(v / s)  # noqa: E731
    up = quat_to_up(F.normalize(torso_quat, dim=-1, eps=1e-6))
    distance = ((hand_pos - goal_pos).abs() * WEIGHTS).sum(dim=-1)
    near = squash(distance, 0.25)
    angle = math.pi / 2 * torch.ones_like(up)
    components = {"up": up, "near": near, "speed": 0.1 * F.softplus(x_velocity) * torch.cos(angle * 0.5)}
    return sum(components.values()), components
