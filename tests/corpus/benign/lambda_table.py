import torch


def compute_reward(x_velocity, torso_height, action, joint_vel):
    table = [
        ("speed", 1.0, lambda: torch.tanh(x_velocity)),
        ("height", 0.5, lambda: torch.exp(-8.0 * (torso_height - 1.2).abs())),
        ("effort", -0.01, lambda: action.pow(2).sum(-1)),
        ("joints", -0.005, lambda: joint_vel.abs().sum(-1)),
    ]
    components = {name: weight * fn() for name, weight, fn in table}
    total = torch.stack(tuple(components.values()), dim=-1).sum(dim=-1)
    return total, components
