import torch
from typing import Dict, Tuple


def compute_reward(torso_quat: torch.Tensor, x_velocity: torch.Tensor) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    roll, pitch, yaw = get_euler_xyz(torso_quat)
    balance = torch.exp(-(roll.abs() + pitch.abs()))
    forward = torch.tanh(x_velocity)
    total = balance + forward
    return total, {"balance": balance, "forward": forward}
