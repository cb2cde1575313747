# Written by a language model in answer to the first prompt for dm_walker_walk.

import torch


def compute_reward(
    torso_height: torch.Tensor,  # (num_envs,)
    torso_upright: torch.Tensor,  # (num_envs,)
    leg_orientations: torch.Tensor,  # (num_envs, 12)
    x_velocity: torch.Tensor,  # (num_envs,)
    action: torch.Tensor,  # (num_envs, 6)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    first_step_temperature = 0.3  # m/s
    target_speed = 1.0  # m/s

    upright = torch.square(torch.clamp(0.5 * (1.0 + torso_upright), 0.0, 1.0))
    height = torch.clamp((torso_height - 0.2) / 1.0, 0.0, 1.0)
    risen = upright * height
    standing = risen * torch.sigmoid(torch.clamp((torso_height - 1.1) / 0.08, -20.0, 20.0))

    speed = torch.clamp(x_velocity, -target_speed, target_speed)
    pace = 0.3 * torch.tanh(speed / first_step_temperature) + 0.7 * speed / target_speed

    # feet flat under the body help standing: cosine of both shins' lean
    shins = 0.5 * (leg_orientations[:, 2] + leg_orientations[:, 8])
    legs_under = torch.clamp(0.5 * (1.0 + shins), 0.0, 1.0)

    components = {
        "upright": 0.15 * upright,
        "height": 0.2 * height,
        "risen": 0.3 * risen,
        "legs": 0.1 * legs_under * upright,
        "walk": 1.0 * risen * pace,
        "stand_walk": 1.5 * standing * pace,
        "effort": -0.005 * action.square().sum(dim=-1),
    }
    total = (
        components["upright"]
        + components["height"]
        + components["risen"]
        + components["legs"]
        + components["walk"]
        + components["stand_walk"]
        + components["effort"]
    )
    return total, components
