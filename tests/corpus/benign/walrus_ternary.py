import torch

MODE = "fast"


def compute_reward(x_velocity: torch.Tensor, torso_height: torch.Tensor, action: torch.Tensor):
    target = 2.0 if MODE == "fast" else 0.8
    sigma = (s := target / 4.0) + 0.1 * s
    track = torch.exp(-(((x_velocity - target) / sigma) ** 2) * 0.1)
    healthy = (ok := (torso_height > 1.0) & (torso_height < 1.4)).float() * 0.5
    penalty = torch.where(~ok, -0.2, -0.0) - 0.01 * action.pow(2).sum(-1)
    return track + healthy + penalty, {"track": track, "healthy": healthy, "penalty": penalty}
