import torch


def compute_reward(foot_pos: torch.Tensor, torso_height: torch.Tensor):
    """Keep a wide support polygon under the torso."""
    fl, fr, rl, rr = foot_pos.permute(1, 0, 2)
    diag_a = rr - fl
    diag_b = rl - fr
    area = 0.5 * torch.linalg.cross(diag_a, diag_b)[:, 2].abs()
    support = torch.tanh(area)

    centre = foot_pos.mean(dim=1)
    centred = 0.2 * torch.exp(-centre[:, :2].square().sum(dim=-1))
    twist = -0.01 * (torch.cross(fl - centre, fr - centre, dim=-1) * (rl - centre)).sum(-1).abs()
    tall = (torso_height - 1.0).clamp(0.0, 0.5)
    total = support + centred + twist + tall
    return total, {"support": support, "centred": centred, "twist": twist, "tall": tall}
