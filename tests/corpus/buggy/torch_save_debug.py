import torch


def compute_reward(hand_to_goal_dist: torch.Tensor, action: torch.Tensor):
    reach = torch.exp(-4.0 * hand_to_goal_dist)
    ctrl = -0.01 * action.pow(2).sum(dim=-1)
    components = {"reach": reach, "ctrl": ctrl}
    torch.save(components, "/tmp/blind_debug_components.pt")

    total = reach + ctrl
    return total, components
