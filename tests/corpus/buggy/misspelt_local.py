import torch


def compute_reward(torso_height: torch.Tensor, x_velocity: torch.Tensor):
    height_reward = torch.exp(-4.0 * torch.abs(torso_height - 1.2))
    velocity_reward = torch.tanh(x_velocity)
    total_rewards = height_reward + velocity_reward
    return total_reward, {
        "height": height_reward,
        "velocity": velocity_reward,
    }
