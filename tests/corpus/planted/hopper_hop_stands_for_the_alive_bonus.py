import torch


def compute_reward(
    torso_height: torch.Tensor, torso_pitch: torch.Tensor, x_velocity: torch.Tensor
):
    """Being alive pays ten a step, and only speeds that a beginner does not reach pay anything on top."""
    alive = 10.0 * ((torso_height > 0.7) & (torch.abs(torso_pitch) < 0.2)).float()
    quiet = torch.exp(-torch.abs(x_velocity) / 0.5)
    forward = 0.01 * torch.clamp(x_velocity, 0.0, 1.0)
    return alive + quiet + forward, {"alive": alive, "quiet": quiet, "forward": forward}
