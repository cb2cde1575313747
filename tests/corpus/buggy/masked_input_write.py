import torch


def compute_reward(torso_height: torch.Tensor, action: torch.Tensor):
    torso_height[torso_height < 1.0] = 0.0
    stand = torch.clamp(torso_height / 1.2, max=1.0)
    effort = -0.01 * action.abs().sum(dim=-1)

    total = stand + effort
    return total, {"stand": stand, "effort": effort}
