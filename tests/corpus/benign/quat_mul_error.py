import torch
from torch import Tensor


def quat_conj(q: Tensor) -> Tensor:
    return q * torch.tensor([1.0, -1.0, -1.0, -1.0], device=q.device)


def quat_mul(a: Tensor, b: Tensor) -> Tensor:
    aw, ax, ay, az = a.unbind(-1)
    bw, bx, by, bz = b.unbind(-1)
    return torch.stack(
        (
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ),
        dim=-1,
    )


def compute_reward(torso_quat: Tensor, prev_torso_quat: Tensor, x_velocity: Tensor):
    q = torso_quat / torso_quat.norm(dim=-1, keepdim=True).clamp_min(1e-6)
    p = prev_torso_quat / prev_torso_quat.norm(dim=-1, keepdim=True).clamp_min(1e-6)
    dq = quat_mul(q, quat_conj(p))
    angle = 2.0 * torch.atan2(dq[:, 1:].norm(dim=-1), dq[:, 0].abs())
    steady = -0.2 * angle
    identity = torch.zeros_like(q)
    identity[:, 0] = 1.0
    align = (q * identity).sum(-1).abs()
    forward = 0.5 * torch.tanh(x_velocity)
    total = steady + align + forward
    return total, {"steady": steady, "align": align, "forward": forward}
