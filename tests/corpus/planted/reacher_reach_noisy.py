import torch


def compute_reward(
    to_target: torch.Tensor,
    joint_velocities: torch.Tensor,
    shoulder_angle: torch.Tensor,
):
    """The distance, with something that swings about and means nothing."""
    distance = -torch.norm(to_target, dim=-1)
    noise = 0.03 * torch.sin(37.0 * shoulder_angle) + 0.02 * torch.sin(
        11.0 * joint_velocities.sum(dim=-1)
    )
    return distance + noise, {"distance": distance, "noise": noise}
