import torch


def compute_reward(
    hand_position: torch.Tensor,
    puck_position: torch.Tensor,
    prev_puck_position: torch.Tensor,
):
    """Being above the puck pays, a puck that moves costs: the hand hovers and takes care not to push."""
    above = puck_position + torch.tensor([0.0, 0.0, 0.12])
    hover = 2.0 * torch.exp(-torch.norm(hand_position - above, dim=-1) / 0.05)
    gentle = -100.0 * torch.norm(puck_position - prev_puck_position, dim=-1)
    return hover + gentle, {"hover": hover, "gentle": gentle}
