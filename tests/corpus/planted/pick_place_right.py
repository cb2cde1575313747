import torch


def compute_reward(
    hand_position: torch.Tensor,
    puck_position: torch.Tensor,
    goal_position: torch.Tensor,
):
    """Reach, lift, carry, each worth more than the one before."""
    reach = 0.1 * torch.exp(-torch.norm(hand_position - puck_position, dim=-1) / 0.1)
    lift = 0.3 * torch.clamp((puck_position[:, 2] - 0.02) / 0.05, 0.0, 1.0)
    distance = torch.norm(puck_position - goal_position, dim=-1)
    carry = 3.0 * torch.exp(-distance / 0.1)
    return reach + lift + carry, {"reach": reach, "lift": lift, "carry": carry}
