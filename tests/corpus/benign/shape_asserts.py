import torch


def compute_reward(torso_quat: torch.Tensor, joint_vel: torch.Tensor, action: torch.Tensor):
    assert torso_quat.shape[-1] == 4, f"expected a quaternion, got {torso_quat.shape[-1]}"
    assert joint_vel.ndim == 2 and joint_vel.shape[-1] == 6
    assert action.dim() == 2

    # gravity in the body frame, z part only
    x, y = torso_quat[:, 1], torso_quat[:, 2]
    up_z = 1.0 - 2.0 * (x.square() + y.square())
    upright = torch.clamp_min(up_z, -1.0)
    smooth = -0.01 * joint_vel.square().sum(dim=-1)
    effort = -0.01 * torch.linalg.vector_norm(action, ord=1, dim=-1)
    total = upright + smooth + effort
    return total, {"upright": upright, "smooth": smooth, "effort": effort}
