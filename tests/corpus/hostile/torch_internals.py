import torch


def compute_reward(x_velocity):
    torch._C._jit_set_profiling_mode(False)
    torch.utils.cpp_extension.load_inline("x", "")
    return x_velocity, {}
