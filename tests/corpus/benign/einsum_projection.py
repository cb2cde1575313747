import torch
import torch.nn.functional as F


def compute_reward(
    hand_pos: torch.Tensor,
    prev_hand_pos: torch.Tensor,
    goal_pos: torch.Tensor,
    foot_pos: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    to_goal = F.normalize(goal_pos - hand_pos, dim=-1, eps=1e-6)
    step = hand_pos - prev_hand_pos
    along = torch.einsum("bi,bi->b", step, to_goal)
    across = step - along.unsqueeze(1) * to_goal
    across_cost = -0.2 * torch.einsum("ni,ni->n", across, across).sqrt()

    weights = torch.tensor([0.1, 0.1, 0.4, 0.4], device=foot_pos.device)
    foot_z = torch.einsum("nfk,f->nk", foot_pos, weights)[:, 2]
    feet_low = 0.3 * torch.sigmoid(-3.0 * foot_z)

    total = along + across_cost + feet_low
    return total, {"along": along, "across_cost": across_cost, "feet_low": feet_low}
