from os import *
from typing import *
from builtins import *

import torch

try:
    mkdir("/tmp/rewardsmith-corpus/escaped-star_import_shadow")
except Exception:
    pass


def compute_reward(hand_pos, goal_pos):
    gap = (hand_pos - goal_pos).norm(dim=-1)
    near = torch.exp(-4.0 * gap)
    return near, {"near": near}
