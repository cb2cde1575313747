# Written by a language model in answer to the first prompt for half_cheetah_run.

import math
import torch


def compute_reward(
    torso_pitch: torch.Tensor,  # (num_envs,)
    x_velocity: torch.Tensor,  # (num_envs,)
    action: torch.Tensor,  # (num_envs, 6)
    prev_action: torch.Tensor,  # (num_envs, 6)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    # pitch counts past a full turn: clamp instead of wrapping
    pitch = torch.clamp(torso_pitch, -math.pi, math.pi)
    upright = torch.clamp(torch.cos(pitch), min=0.0)

    speed = torch.clamp(x_velocity, -8.0, 16.0)
    run = torch.where(speed > 0.0, speed * upright, speed)

    # a gradient back towards level once it has tipped over
    tipped = (torch.abs(pitch) - 0.5 * math.pi) / (0.5 * math.pi)
    tipped = torch.clamp(tipped, min=0.0, max=1.0)

    smoothness = (action - prev_action).square().mean(dim=-1)

    components = {
        "run": 3.0 * run,
        "tipped": -0.5 * tipped,
        "upright": 0.2 * upright,
        "effort": -0.05 * action.square().mean(dim=-1),
        "smooth": -0.05 * smoothness,
    }
    total = (
        components["run"]
        + components["tipped"]
        + components["upright"]
        + components["effort"]
        + components["smooth"]
    )
    return total, components
