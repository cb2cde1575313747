import torch


def compute_reward(
    x_velocity: torch.Tensor, hand_pos: torch.Tensor, prev_hand_pos: torch.Tensor, foot_pos: torch.Tensor,
    dt: float, cruise_speed: float, legs: int, weight: float = 0.1,
):
    hand_speed = torch.norm(hand_pos - prev_hand_pos, dim=-1) / dt
    cruise = torch.exp(-((x_velocity - cruise_speed) ** 2))
    feet = sum(foot_pos[:, leg, 2] for leg in range(legs)) / legs
    total = cruise - weight * 0.01 * hand_speed + weight * feet
    return total, {"cruise": cruise, "hand": -weight * 0.01 * hand_speed, "feet": weight * feet}
