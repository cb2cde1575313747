import torch

USE_SPARSE = False
DEBUG_TERMS = True


def compute_reward(hand_to_goal_dist: torch.Tensor, action: torch.Tensor):
    success = (hand_to_goal_dist < 0.1).float()
    if USE_SPARSE:
        return success, {"success": success}

    dense = 1.0 - torch.tanh(4.0 * hand_to_goal_dist)
    effort = -0.01 * (action**2).sum(dim=-1)
    components = {"success": success, "dense": dense}
    if DEBUG_TERMS:
        components["effort"] = effort
        return success + dense + effort, components
    return success + dense, components
