import torch


def compute_reward(foot_pos: torch.Tensor, x_velocity: torch.Tensor, joint_vel: torch.Tensor):
    contacts = (foot_pos[:, :, 2] < 0.05).int()
    n_contacts = contacts.sum(dim=1)
    two_feet = torch.eq(n_contacts, 2).float()
    stuck_joints = torch.count_nonzero(joint_vel.abs() < 0.1, dim=1)

    gait = 0.5 * two_feet
    contact_ratio = 0.1 * n_contacts / 4
    lazy = -0.05 * stuck_joints.float()
    forward = torch.where(n_contacts > 0, x_velocity, 0.5 * x_velocity)
    total = gait + contact_ratio + lazy + forward
    return total, {"gait": gait, "contact_ratio": contact_ratio, "lazy": lazy, "forward": forward}
