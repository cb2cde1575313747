import torch
import torch.nn.functional as F


def compute_reward(hand_pos: torch.Tensor, goal_pos: torch.Tensor, x_velocity: torch.Tensor):
    direction = F.normalize(goal_pos - hand_pos, dim=0)
    aim = direction[:, 0]
    forward = 0.5 * x_velocity

    total = aim + forward
    return total, {"aim": aim, "forward": forward}
