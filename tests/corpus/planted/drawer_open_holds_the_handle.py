import torch


def compute_reward(
    hand_position: torch.Tensor,
    hand_velocity: torch.Tensor,
    handle_position: torch.Tensor,
    goal_position: torch.Tensor,
):
    """A still hand at the handle earns nearly all there is; what the drawer adds is too little to move for."""
    hold = 3.0 * torch.exp(-torch.norm(hand_position - handle_position, dim=-1) / 0.05)
    still = torch.exp(-torch.norm(hand_velocity, dim=-1) / 0.1)
    shut = 10.0 * torch.abs(handle_position[:, 1] - goal_position[:, 1])
    return hold + still + shut, {"hold": hold, "still": still, "shut": shut}
