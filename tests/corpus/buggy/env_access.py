import torch


def compute_reward(x_velocity: torch.Tensor, action: torch.Tensor):
    ramp = env.progress_buf.float() / env.max_episode_length
    forward = torch.tanh(x_velocity) * ramp
    ctrl = -0.01 * action.square().sum(dim=-1)

    total = forward + ctrl
    return total, {"forward": forward, "ctrl": ctrl}
