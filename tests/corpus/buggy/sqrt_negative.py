import torch


def compute_reward(x_velocity: torch.Tensor, torso_height: torch.Tensor):
    """Diminishing returns on speed."""
    speed_reward = torch.sqrt(x_velocity)
    height_reward = torch.exp(-5.0 * torch.abs(torso_height - 1.2))
    total_reward = speed_reward + height_reward
    components = {"speed": speed_reward, "height": height_reward}
    return total_reward, components
