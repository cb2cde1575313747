import torch


def compute_reward(hand_position: torch.Tensor, handle_position: torch.Tensor):
    """The hand is drawn to the right side of the handle, from where the window can only be kept shut."""
    wrong_side = handle_position + torch.tensor([0.10, 0.0, 0.0])
    reach = torch.exp(-torch.norm(hand_position - wrong_side, dim=-1) / 0.1)
    shut = -5.0 * handle_position[:, 0]
    return reach + shut, {"reach": reach, "shut": shut}
