import torch


def compute_reward(torso_height: torch.Tensor, x_velocity: torch.Tensor, history: list = []):
    history.append(torso_height)
    recent = history[-5:]
    baseline = sum(recent) / len(recent)
    steady = -torch.abs(torso_height - baseline) + 0.1 * torso_height
    forward = 0.5 * torch.tanh(x_velocity)
    total = steady + forward
    return total, {"steady": steady, "forward": forward}
