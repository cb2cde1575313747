import torch
import torch.nn.functional as F


def compute_reward(x_velocity, joint_vel, foot_pos):
    edges = torch.tensor([-1.0, 0.0, 1.0, 2.0])
    gear = torch.bucketize(x_velocity, edges).float() / 4
    fast = torch.bucketize(joint_vel, edges, right=True).sum(dim=-1).float()
    same = torch.searchsorted(edges, x_velocity).float()
    lowest = F.one_hot(foot_pos[..., 2].argmin(dim=-1), num_classes=4).float()
    pushing = (lowest * foot_pos[..., 0]).sum(dim=-1)
    total = gear - 0.01 * fast + 0.1 * same + pushing
    return total, {"gear": gear, "fast": -0.01 * fast, "same": 0.1 * same, "pushing": pushing}
