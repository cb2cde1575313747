import torch


def compute_reward(foot_pos: torch.Tensor, x_velocity: torch.Tensor):
    """Encourage each foot to be lifted to a target clearance."""
    foot_names = ["fl", "fr", "rl", "rr"]
    target_clearance = 0.08
    components = {}
    total = torch.zeros_like(x_velocity)

    for i, name in enumerate(foot_names):
        height = foot_pos[:, i, 2]
        clearance = torch.exp(-5.0 * (height - target_clearance) ** 2) * 0.25
        components[f"clearance_{name}"] = clearance
        total = total + clearance

    components["forward"] = 1.0 - torch.exp(-torch.clamp(x_velocity, min=0.0))
    total += components["forward"]
    return total, components
