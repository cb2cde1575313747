import torch


def compute_reward(x_velocity, hand_to_goal_dist, prev_hand_to_goal_dist):
    def gaussian(x, mu, sigma):
        return torch.exp(-0.5 * ((x - mu) / sigma) ** 2)
    parts = [gaussian(x_velocity, m, 0.5) for m in (0.5, 1.0)]
    r = torch.stack(parts, dim=1).sum(dim=1)
    best = torch.stack(parts).max(dim=0).values
    pot = 0.99 * -hand_to_goal_dist + prev_hand_to_goal_dist
    return r + best + pot, {'r': r, 'best': best, 'pot': pot}
