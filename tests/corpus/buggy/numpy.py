import numpy as np
import torch


def compute_reward(x_velocity):
    return torch.tensor(np.exp(x_velocity)), {}
