import torch


def compute_reward(joint_vel: torch.Tensor, action: torch.Tensor, x_velocity: torch.Tensor):
    # penalise only the two fastest joints
    peaks, _ = torch.topk(joint_vel.abs(), k=2, dim=-1)
    peak_cost = -0.1 * peaks.sum(dim=-1)

    ordered = torch.sort(action.abs(), dim=-1, descending=True).values
    decay = 0.5 ** torch.arange(ordered.shape[-1], device=action.device, dtype=action.dtype)
    weighted_effort = -0.05 * (ordered * decay).sum(dim=-1)

    middle = joint_vel.median(dim=-1).values
    rhythm = 0.1 * torch.cos(middle)
    forward = x_velocity.clamp(-1, 1)
    total = peak_cost + weighted_effort + rhythm + forward
    return total, {"peak": peak_cost, "effort": weighted_effort, "rhythm": rhythm, "forward": forward}
