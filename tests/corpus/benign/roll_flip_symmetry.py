import torch


def compute_reward(action: torch.Tensor, joint_vel: torch.Tensor, x_velocity: torch.Tensor):
    mirrored = torch.roll(action, shifts=3, dims=-1)
    sign = action.new_tensor([1.0, -1.0, 1.0, 1.0, -1.0, 1.0])
    mirror_loss = -0.02 * (action - mirrored * sign).square().sum(dim=-1)
    order = [3, 4, 5, 0, 1, 2]
    swap_loss = -0.01 * (joint_vel[:, order] - joint_vel).abs().sum(-1)
    reverse = -0.01 * (action.flip(-1) * joint_vel).sum(dim=-1).abs()
    forward = torch.relu(x_velocity) - 0.5 * torch.relu(-x_velocity)
    total = forward + mirror_loss + swap_loss + reverse
    return total, {
        "forward": forward,
        "mirror_loss": mirror_loss,
        "swap_loss": swap_loss,
        "reverse": reverse,
    }
