import torch

WEIGHTS = {"forward": 1.0, "energy": 0.0, "height": 0.5}


def compute_reward(x_velocity: torch.Tensor, joint_vel: torch.Tensor, torso_height: torch.Tensor):
    components = {
        "forward": WEIGHTS["forward"] * torch.tanh(x_velocity),
        "energy": WEIGHTS["energy"] * joint_vel.pow(2).sum(dim=-1),
        "height": WEIGHTS["height"] * torch.exp(-torch.abs(torso_height - 1.2)),
    }
    total = sum(components.values())
    return total, components
