import torch
from typing import Dict, Tuple

WEIGHTS = {
    "forward": 1.0,
    "alive": 0.5,
    "ctrl": -0.05,
    "joint": -0.01,
}


def compute_reward(
    x_velocity: torch.Tensor,
    torso_height: torch.Tensor,
    action: torch.Tensor,
    joint_vel: torch.Tensor,
) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    raw = {
        "forward": x_velocity,
        "alive": ((torso_height > 1.0) & (torso_height < 2.0)).float(),
        "ctrl": action.pow(2).sum(dim=-1),
        "joint": joint_vel.pow(2).sum(dim=-1),
    }
    components: Dict[str, torch.Tensor] = {}
    for name, value in raw.items():
        components[name] = WEIGHTS[name] * value
    total = sum(components.values())
    return total, components
