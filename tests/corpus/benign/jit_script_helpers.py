import torch
from torch import Tensor
from typing import Dict, Tuple


@torch.jit.script
def quat_rotate_vec(q: Tensor, v: Tensor) -> Tensor:
    w = q[:, 0:1]
    xyz = q[:, 1:4]
    t = 2.0 * torch.cross(xyz, v, dim=-1)
    return v + w * t + torch.cross(xyz, t, dim=-1)


@torch.jit.script
def safe_unit(x: Tensor, eps: float = 1e-8) -> Tensor:
    return x / (torch.norm(x, dim=-1, keepdim=True) + eps)


@torch.jit.script
def compute_reward(
    torso_quat: Tensor, x_velocity: Tensor, action: Tensor, prev_action: Tensor
) -> Tuple[Tensor, Dict[str, Tensor]]:
    q = safe_unit(torso_quat)
    up = torch.zeros_like(torso_quat[:, :3])
    up[:, 2] = 1.0
    world_up = quat_rotate_vec(q, up)

    upright = 0.5 * (world_up[:, 2] + 1.0)
    forward = torch.clamp(x_velocity, min=-1.0, max=2.0)
    jerk = -0.02 * torch.sum((action - prev_action) ** 2, dim=1)

    total = upright + forward + jerk
    return total, {"upright": upright, "forward": forward, "jerk": jerk}
