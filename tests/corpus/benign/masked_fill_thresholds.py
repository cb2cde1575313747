import torch


def compute_reward(hand_to_goal_dist: torch.Tensor, torso_height: torch.Tensor, joint_vel: torch.Tensor):
    reach = (-3.0 * hand_to_goal_dist).exp()
    reach = reach.masked_fill(torso_height < 1.0, 0.0)
    stand = torch.heaviside(torso_height - 1.15, torch.tensor(0.5, device=torso_height.device)) * 0.3
    fast = joint_vel.abs().gt(1.5).any(dim=-1)
    fast_penalty = torch.zeros_like(reach).masked_fill_(fast, -0.25)
    total = reach + stand + fast_penalty
    return total, {"reach": reach, "stand": stand, "fast_penalty": fast_penalty}
