import torch


def compute_reward(torso_height: torch.Tensor, x_velocity: torch.Tensor):
    fallen = torso_height < 1.1
    forward = torch.clamp(x_velocity, -1.0, 2.0)
    gated = forward * (not fallen)

    stand = 0.1 * torso_height
    total = gated + stand
    return total, {"forward": gated, "stand": stand}
