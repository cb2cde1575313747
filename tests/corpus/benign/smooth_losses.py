import torch


def compute_reward(hand_pos, goal_pos, action, prev_action):
    huber = -torch.nn.functional.smooth_l1_loss(hand_pos, goal_pos, reduction="none").sum(dim=-1)
    jerk = -0.05 * torch.linalg.vector_norm(action - prev_action, dim=-1)
    soft = torch.softmax(-((hand_pos - goal_pos) ** 2), dim=-1)[:, 0]
    total = torch.nan_to_num(huber + jerk + 0.1 * soft)
    return total, {"huber": huber, "jerk": jerk, "soft": 0.1 * soft}
