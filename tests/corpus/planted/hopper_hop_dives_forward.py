import torch


def compute_reward(
    x_velocity: torch.Tensor, torso_pitch: torch.Tensor, pitch_rate: torch.Tensor
):
    """Leaning and turning forward pay, time costs: to throw itself on its nose is the quickest way to all three."""
    lean = 5.0 * torch.clamp(torso_pitch, min=0.0)
    turn = 2.0 * torch.clamp(pitch_rate, min=0.0)
    forward = 0.2 * torch.clamp(x_velocity, 0.0, 2.0)
    hurry = -2.0 * torch.ones_like(x_velocity)
    return lean + turn + forward + hurry, {
        "lean": lean,
        "turn": turn,
        "forward": forward,
        "hurry": hurry,
    }
