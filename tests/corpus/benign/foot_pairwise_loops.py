import torch


def compute_reward(foot_pos: torch.Tensor, x_velocity: torch.Tensor):
    n_feet = foot_pos.shape[1]
    spread = x_velocity.new_zeros(x_velocity.shape)
    collide = torch.zeros_like(x_velocity)
    pairs = 0
    for i in range(n_feet):
        for j in range(i + 1, n_feet):
            gap = torch.linalg.norm(foot_pos[:, i] - foot_pos[:, j], dim=-1)
            spread = spread + gap
            collide = collide - torch.relu(0.6 - gap)
            pairs += 1
    spread = 0.1 * spread / pairs
    forward = torch.clamp(x_velocity, -0.5, 2.0)
    total = spread + collide + forward
    return total, {"spread": spread, "collide": collide, "forward": forward}
