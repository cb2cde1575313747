import torch


def compute_reward(x_velocity: torch.Tensor, action: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    forward = torch.clamp(x_velocity, 0.0, 5.0)
    effort = -0.1 * torch.sum(action**2, dim=-1)
    return forward + effort, {"forward": forward, "effort": effort}
