import torch


def compute_reward(to_target: torch.Tensor, prev_to_target: torch.Tensor):
    """Coming nearer pays and going away costs nothing, so to and fro pays for ever."""
    progress = 100.0 * torch.relu(
        torch.norm(prev_to_target, dim=-1) - torch.norm(to_target, dim=-1)
    )
    touching = 0.01 * (torch.norm(to_target, dim=-1) < 0.02).float()
    return progress + touching, {"progress": progress, "touching": touching}
