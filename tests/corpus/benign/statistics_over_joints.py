import torch


def compute_reward(joint_vel: torch.Tensor, action: torch.Tensor, foot_pos: torch.Tensor):
    mean_v = joint_vel.mean(dim=-1, keepdim=True)
    centred = joint_vel - mean_v
    std_v = joint_vel.std(dim=-1, unbiased=False)
    scaled = centred / (std_v.unsqueeze(-1) + 1e-3)
    outlier = -0.05 * scaled.abs().amax(dim=-1)

    act_var = -0.05 * action.var(dim=-1)
    foot_level = 0.3 * torch.exp(-foot_pos[..., 2].std(dim=1))
    total = outlier + act_var + foot_level
    return total, {"outlier": outlier, "act_var": act_var, "foot_level": foot_level}
