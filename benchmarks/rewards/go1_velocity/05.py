# Written by a language model in answer to the first prompt for go1_velocity.

import torch


def compute_reward(
    command: torch.Tensor,  # (num_envs, 3)
    velocity: torch.Tensor,  # (num_envs, 3)
    turning_rates: torch.Tensor,  # (num_envs, 3)
    gravity_direction: torch.Tensor,  # (num_envs, 3)
    joint_velocities: torch.Tensor,  # (num_envs, 12)
    joint_torques: torch.Tensor,  # (num_envs, 12)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    forward_temperature = 0.3  # m/s
    left_temperature = 0.2  # m/s
    turn_temperature = 0.3  # rad/s
    wobble_temperature = 3.0  # rad/s
    power_temperature = 300.0  # W

    forward_error = torch.clamp(torch.abs(command[:, 0] - velocity[:, 0]), max=10.0)
    left_error = torch.clamp(torch.abs(command[:, 1] - velocity[:, 1]), max=10.0)
    turn_error = torch.clamp(torch.abs(command[:, 2] - turning_rates[:, 2]), max=10.0)

    wobble = torch.linalg.norm(turning_rates[:, :2], dim=-1)
    power = torch.abs(joint_velocities * joint_torques).sum(dim=-1)
    lean = 1.0 + gravity_direction[:, 2]

    components = {
        "forward": 1.5 * torch.exp(-forward_error / forward_temperature),
        "left": 0.7 * torch.exp(-left_error / left_temperature),
        "turn": 1.0 * torch.exp(-turn_error / turn_temperature),
        "lean": -1.0 * torch.clamp(lean, 0.0, 2.0),
        "wobble": -0.15 * torch.tanh(wobble / wobble_temperature),
        "power": -0.1 * torch.tanh(power / power_temperature),
    }
    total = (
        components["forward"]
        + components["left"]
        + components["turn"]
        + components["lean"]
        + components["wobble"]
        + components["power"]
    )
    return total, components
