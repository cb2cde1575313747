import traceback

import torch


def compute_reward(x_velocity):
    raise ValueError("INJECTED " + "".join(traceback.format_stack()))
