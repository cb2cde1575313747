import torch


def compute_reward(torso_height: torch.Tensor, joint_vel: torch.Tensor):
    stand = min(1.0, torso_height / 1.2)
    calm = -0.01 * joint_vel.norm(dim=-1)

    total = stand + calm
    components = {"stand": stand, "calm": calm}
    return total, components
