import torch


def compute_reward(hand_pos: torch.Tensor, goal_pos: torch.Tensor, action: torch.Tensor):
    cosine = torch.sum(hand_pos * goal_pos, dim=-1)
    angle = torch.acos(cosine)
    aim = 1.0 - angle / torch.pi
    ctrl = -0.01 * action.square().sum(dim=-1)
    total = aim + ctrl
    return total, {"aim": aim, "ctrl": ctrl}
