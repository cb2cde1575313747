import torch


def compute_reward(joint_vel: torch.Tensor, action: torch.Tensor, x_velocity: torch.Tensor):
    legs = joint_vel.reshape(-1, 2, 3)
    left, right = legs[:, 0, :], legs[:, 1, :]
    symmetry = -0.05 * torch.sum((left + right) ** 2, dim=-1)

    act = action.view(action.shape[0], 2, 3)
    leg_power = (act * legs).abs().sum(dim=2, keepdim=True)
    balance = -0.05 * (leg_power[:, 0] - leg_power[:, 1]).abs().squeeze(-1)

    target = torch.tensor([1.0], device=x_velocity.device).expand(x_velocity.shape[0])
    speed = torch.exp(-(x_velocity - target).abs())
    total = symmetry + balance + speed
    return total, {"symmetry": symmetry, "balance": balance, "speed": speed}
