import torch

Q_DIAG = [1.0, 0.5, 0.5, 1.0, 0.5, 0.5]


def compute_reward(joint_vel: torch.Tensor, action: torch.Tensor, x_velocity: torch.Tensor):
    """LQR-like quadratic penalty x^T Q x + u^T R u."""
    device = joint_vel.device
    Q = torch.diag(torch.tensor(Q_DIAG, device=device))
    R = 0.1 * torch.eye(6, device=device)
    state_cost = ((joint_vel @ Q) * joint_vel).sum(dim=-1)
    control_cost = torch.einsum("bi,ij,bj->b", action, R, action)

    state_term = -0.02 * state_cost
    control_term = -0.05 * control_cost
    forward_term = x_velocity * 0.8
    total = state_term + control_term + forward_term
    return total, {"state": state_term, "control": control_term, "forward": forward_term}
