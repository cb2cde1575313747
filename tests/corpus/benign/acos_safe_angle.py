import torch
import torch.nn.functional as F


def safe_acos(c: torch.Tensor, eps: float = 1e-6) -> torch.Tensor:
    return torch.acos(c.clamp(-1.0 + eps, 1.0 - eps))


def compute_reward(hand_pos: torch.Tensor, goal_pos: torch.Tensor, torso_quat: torch.Tensor):
    cosine = F.cosine_similarity(hand_pos, goal_pos, dim=-1, eps=1e-8)
    angle = safe_acos(cosine)
    aim = 1.0 - angle / torch.pi
    q_abs_w = F.normalize(torso_quat, dim=-1)[:, 0].abs()
    tilt_angle = 2.0 * safe_acos(q_abs_w)
    tilt = -0.1 * tilt_angle
    radius = -0.1 * (hand_pos.norm(dim=-1) - goal_pos.norm(dim=-1)).abs()
    total = aim + tilt + radius
    return total, {"aim": aim, "tilt": tilt, "radius": radius}
