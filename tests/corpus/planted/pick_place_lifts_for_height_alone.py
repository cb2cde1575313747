import torch


def compute_reward(
    hand_position: torch.Tensor,
    puck_position: torch.Tensor,
    gripper_opening: torch.Tensor,
):
    """Height of the puck pays without end and the goal is not mentioned: it is held aloft and stays there."""
    reach = 0.2 * torch.exp(-torch.norm(hand_position - puck_position, dim=-1) / 0.1)
    height = 20.0 * torch.clamp(puck_position[:, 2] - 0.02, min=0.0)
    near_start = torch.exp(-torch.abs(puck_position[:, 1] - 0.65) / 0.1)
    grip = 0.1 * (1.0 - gripper_opening)
    total = reach + height + near_start + grip
    return total, {
        "reach": reach,
        "height": height,
        "near_start": near_start,
        "grip": grip,
    }
