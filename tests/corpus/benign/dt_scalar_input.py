import torch


def compute_reward(
    hand_pos: torch.Tensor,
    prev_hand_pos: torch.Tensor,
    joint_vel: torch.Tensor,
    prev_joint_vel: torch.Tensor,
    dt: float = 0.02,
):
    hand_speed = torch.norm((hand_pos - prev_hand_pos) / dt, dim=-1)
    joint_acc = (joint_vel - prev_joint_vel) / dt
    speed_reward = torch.tanh(0.01 * hand_speed)
    acc_penalty = -1.0e-5 * torch.sum(joint_acc**2, dim=-1)
    total = speed_reward + acc_penalty
    return total, {"speed": speed_reward, "acc": acc_penalty}
