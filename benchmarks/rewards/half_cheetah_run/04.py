# Written by a language model in answer to the first prompt for half_cheetah_run.

import torch


def compute_reward(
    torso_height: torch.Tensor,  # (num_envs,)
    torso_pitch: torch.Tensor,  # (num_envs,)
    x_velocity: torch.Tensor,  # (num_envs,)
    action: torch.Tensor,  # (num_envs, 6)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    speed_temperature = 1.0  # m/s
    height_temperature = 0.1  # m

    # 1 when level, 0.5 at 90 degrees, 0 upside down
    gate = torch.clamp(0.5 + 0.5 * torch.cos(torso_pitch), 0.0, 1.0)
    # about 1 when standing (-0.13), about 0 when lying (-0.6)
    off_ground = torch.sigmoid(torch.clamp((torso_height + 0.38) / height_temperature, -20.0, 20.0))

    speed = torch.clamp(x_velocity, -10.0, 20.0)
    progress = torch.where(speed > 0.0, speed * gate * gate, speed)

    components = {
        "progress": 1.0 * progress,
        "on_feet_progress": 0.3 * gate * off_ground * torch.tanh(torch.clamp(speed, min=0.0) / speed_temperature),
        "posture": 0.05 * gate * off_ground,
        "effort": -0.005 * action.square().sum(dim=-1),
    }
    total = (
        components["progress"]
        + components["on_feet_progress"]
        + components["posture"]
        + components["effort"]
    )
    return total, components
