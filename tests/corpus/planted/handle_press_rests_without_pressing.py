import torch


def compute_reward(
    hand_position: torch.Tensor,
    handle_position: torch.Tensor,
    gripper_opening: torch.Tensor,
):
    """Fingers just above the bar pay, and a bar that is up keeps paying: the handle is held, never pressed."""
    above = handle_position + torch.tensor([0.0, 0.0, 0.07])
    touch = 2.0 * torch.exp(-torch.norm(hand_position - above, dim=-1) / 0.05)
    bar_up = 10.0 * handle_position[:, 2]
    open_fingers = 0.1 * gripper_opening
    return touch + bar_up + open_fingers, {
        "touch": touch,
        "bar_up": bar_up,
        "open_fingers": open_fingers,
    }
