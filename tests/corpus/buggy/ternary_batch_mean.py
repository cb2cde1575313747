import torch


def compute_reward(hand_to_goal_dist: torch.Tensor, joint_vel: torch.Tensor):
    # switch to a finer temperature when close
    temp = 0.05 if hand_to_goal_dist.mean() < 0.2 else 0.25
    reach = torch.exp(-hand_to_goal_dist / temp)
    smooth = -0.001 * (joint_vel**2).sum(dim=-1)
    total = reach + smooth
    components = {"reach": reach, "smooth": smooth}
    return total, components
