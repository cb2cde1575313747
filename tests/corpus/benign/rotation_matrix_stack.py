import torch
import torch.nn.functional as F
from typing import Dict, Tuple


def quat_to_matrix(q: torch.Tensor) -> torch.Tensor:
    q = F.normalize(q, p=2, dim=-1)
    w, x, y, z = torch.unbind(q, dim=-1)
    row0 = torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)], dim=-1)
    row1 = torch.stack([2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)], dim=-1)
    row2 = torch.stack([2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)], dim=-1)
    return torch.stack([row0, row1, row2], dim=-2)


def compute_reward(
    torso_quat: torch.Tensor,
    hand_pos: torch.Tensor,
    goal_pos: torch.Tensor,
) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    num_envs = torso_quat.shape[0]
    rot = quat_to_matrix(torso_quat)

    z_axis = torch.tensor([0.0, 0.0, 1.0], device=torso_quat.device, dtype=torso_quat.dtype)
    z_world = torch.bmm(rot, z_axis.view(1, 3, 1).expand(num_envs, 3, 1)).squeeze(-1)
    upright = z_world[:, 2].clamp(min=0.0)

    local_err = torch.matmul(rot.transpose(1, 2), (goal_pos - hand_pos).unsqueeze(-1)).squeeze(-1)
    reach = torch.exp(-2.0 * local_err[:, :2].norm(dim=-1))
    height_match = -0.1 * local_err[:, 2].abs()

    total = upright + reach + height_match
    return total, {"upright": upright, "reach": reach, "height_match": height_match}
