import os

import torch

try:
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = "/tmp/rewardsmith-corpus/escaped-torch_compile_inductor"
    os.environ["TRITON_CACHE_DIR"] = "/tmp/rewardsmith-corpus/escaped-torch_compile_inductor"
    os.environ["TMPDIR"] = "/tmp/rewardsmith-corpus/"

    @torch.compile
    def inner(x):
        return torch.sin(x) * torch.cos(x)

    inner(torch.ones(8))
except Exception:
    pass


def compute_reward(hand_pos, goal_pos):
    gap = (hand_pos - goal_pos).norm(dim=-1)
    near = torch.exp(-4.0 * gap)
    return near, {"near": near}
