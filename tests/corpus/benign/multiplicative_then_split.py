import torch


def compute_reward(torso_height: torch.Tensor, torso_quat: torch.Tensor, x_velocity: torch.Tensor):
    h = torch.clamp((torso_height - 0.8) / 0.4, 0.0, 1.0)
    qn = torso_quat / (torso_quat.pow(2).sum(-1, keepdim=True).sqrt() + 1e-9)
    up = (1 - 2 * (qn[:, 1] ** 2 + qn[:, 2] ** 2) + 1) / 2
    v = torch.sigmoid(2.0 * (x_velocity - 0.5))

    factors = torch.stack([h, up, v], dim=1)
    product = factors.prod(dim=1)
    geometric = 0.5 * (factors + 1e-6).log().mean(dim=1).exp()
    total = product + geometric
    return total, {"product": product, "geometric": geometric}
