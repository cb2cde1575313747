import torch
from typing import Dict


def compute_reward(action: torch.Tensor, joint_vel: torch.Tensor, x_velocity: torch.Tensor):
    """Treat the six joints as a chain from root to tip."""
    chain = torch.cumsum(joint_vel, dim=1)
    tip_speed = chain[:, -1].abs()
    worst = torch.cummax(chain.abs(), dim=1).values.mean(dim=1)
    kink = torch.diff(action, dim=-1).abs().amax(dim=-1)

    comps: Dict[str, torch.Tensor] = {}
    comps["tip"] = 0.2 * torch.exp(-tip_speed)
    comps["worst"] = -0.02 * worst
    comps["kink"] = -0.05 * kink
    comps["forward"] = 0.5 * x_velocity
    total = torch.zeros(x_velocity.shape[0], device=x_velocity.device)
    for key in comps:
        total += comps[key]
    return total, comps
