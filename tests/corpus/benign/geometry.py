import torch
from torch import Tensor


def quat_rotate(q: Tensor, v: Tensor) -> Tensor:
    w, r = q[..., :1], q[..., 1:]
    t = 2.0 * torch.cross(r, v, dim=-1)
    return v + w * t + torch.cross(r, t, dim=-1)


def compute_reward(torso_quat: Tensor, hand_pos: Tensor, goal_pos: Tensor):
    forward = torch.tensor([1.0, 0.0, 0.0], device=hand_pos.device).expand(hand_pos.shape[0], 3)
    heading = quat_rotate(torso_quat, forward)
    to_goal = goal_pos - hand_pos
    aligned = torch.nn.functional.cosine_similarity(heading, to_goal, dim=-1)
    angle = torch.acos(torch.clamp(aligned, -0.999, 0.999))
    lateral = torch.atan2(to_goal[:, 1], to_goal[:, 0] + 1e-6)
    dot = torch.einsum("ij,ij->i", heading, to_goal)
    reward = aligned - 0.1 * angle - 0.05 * lateral.abs() + 0.1 * dot
    return reward, {"aligned": aligned, "angle": -0.1 * angle, "lateral": -0.05 * lateral.abs(), "dot": 0.1 * dot}
