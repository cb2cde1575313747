import torch
import math


def quat_to_euler(q: torch.Tensor):
    """Convert (w, x, y, z) quaternions to roll, pitch, yaw."""
    w, x, y, z = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    sinr_cosp = 2.0 * (w * x + y * z)
    cosr_cosp = 1.0 - 2.0 * (x * x + y * y)
    roll = torch.atan2(sinr_cosp, cosr_cosp)

    sinp = 2.0 * (w * y - z * x)
    pitch = torch.where(
        torch.abs(sinp) >= 1.0,
        torch.sign(sinp) * (math.pi / 2.0),
        torch.asin(torch.clamp(sinp, -1.0, 1.0)),
    )

    siny_cosp = 2.0 * (w * z + x * y)
    cosy_cosp = 1.0 - 2.0 * (y * y + z * z)
    yaw = torch.atan2(siny_cosp, cosy_cosp)
    return roll, pitch, yaw


def compute_reward(
    torso_quat: torch.Tensor, x_velocity: torch.Tensor
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    roll, pitch, yaw = quat_to_euler(torso_quat)
    balance = torch.exp(-(roll**2 + pitch**2))
    heading = 0.3 * torch.cos(yaw)
    progress = 0.8 * torch.tanh(x_velocity)
    total = balance + heading + progress
    return total, {"balance": balance, "heading": heading, "progress": progress}
