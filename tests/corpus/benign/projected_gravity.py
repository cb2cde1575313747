import torch


def quat_rotate_inverse(q: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    shape = q.shape
    q_w = q[:, 0]
    q_vec = q[:, 1:]
    a = v * (2.0 * q_w**2 - 1.0).unsqueeze(-1)
    b = torch.cross(q_vec, v, dim=-1) * q_w.unsqueeze(-1) * 2.0
    c = q_vec * torch.bmm(q_vec.view(shape[0], 1, 3), v.view(shape[0], 3, 1)).squeeze(-1) * 2.0
    return a - b + c


def compute_reward(torso_quat: torch.Tensor, x_velocity: torch.Tensor, torso_height: torch.Tensor):
    gravity = torch.tensor([0.0, 0.0, -1.0], device=torso_quat.device).repeat(torso_quat.shape[0], 1)
    projected_gravity = quat_rotate_inverse(torso_quat, gravity)
    flat_orientation_l2 = -0.05 * torch.sum(torch.square(projected_gravity[:, :2]), dim=1)
    track_lin_vel_x_exp = torch.exp(-torch.square(x_velocity - 1.0) / 0.25)
    base_height_l2 = -5.0 * torch.square(torso_height - 1.2)
    total = flat_orientation_l2 + track_lin_vel_x_exp + base_height_l2
    return total, {
        "flat_orientation_l2": flat_orientation_l2,
        "track_lin_vel_x_exp": track_lin_vel_x_exp,
        "base_height_l2": base_height_l2,
    }
