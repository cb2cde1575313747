import torch


def compute_reward(torso_height: torch.Tensor, x_velocity: torch.Tensor, action: torch.Tensor):
    with torch.no_grad():
        forward_reward = 1.25 * x_velocity
        healthy = (torso_height > 0.8).float() * (torso_height < 2.1).float()
        near_nominal = torch.exp(-20.0 * (torso_height - 1.2) ** 2)
        healthy_reward = healthy * near_nominal
        ctrl_cost = -0.1 * action.square().sum(dim=-1)
        total = forward_reward + healthy_reward + ctrl_cost
    return total, {"forward": forward_reward, "healthy": healthy_reward, "ctrl": ctrl_cost}
