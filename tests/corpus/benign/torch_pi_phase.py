import torch

NUM_CYCLES = 8


def wrap_to_pi(a: torch.Tensor) -> torch.Tensor:
    return torch.remainder(a + torch.pi, 2 * torch.pi) - torch.pi


def compute_reward(episode_progress: torch.Tensor, foot_pos: torch.Tensor, torso_quat: torch.Tensor):
    phase = 2 * torch.pi * NUM_CYCLES * episode_progress
    offsets = torch.tensor([0.0, torch.pi, torch.pi, 0.0], device=foot_pos.device)
    desired = torch.sin(phase.unsqueeze(-1) + offsets)
    clock = torch.exp(-((foot_pos[:, :, 2] - 0.1 * desired) ** 2)).mean(-1)

    yaw = 2.0 * torch.atan2(torso_quat[:, 3], torso_quat[:, 0])
    heading = -0.1 * wrap_to_pi(yaw).abs()
    total = clock + heading
    return total, {"clock": clock, "heading": heading}
