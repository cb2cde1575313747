import torch
from torch import Tensor


def compute_reward(
    x_velocity: Tensor, torso_height: Tensor, episode_progress: Tensor, action: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    target = torch.lerp(torch.full_like(x_velocity, 0.3), torch.full_like(x_velocity, 1.5), episode_progress)
    err = x_velocity - target
    track = torch.exp(-err.pow(2) / 0.5)

    ramp = torch.clamp((episode_progress - 0.2) / 0.6, 0.0, 1.0)
    effort = -(0.005 + 0.02 * ramp) * action.pow(2).sum(dim=1)
    late = ramp * (torso_height > 1.1).float() * 0.5

    return track + effort + late, {"track": track, "effort": effort, "late_survival": late}
