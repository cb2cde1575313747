import torch


def compute_reward(
    hand_pos: torch.Tensor,
    goal_pos: torch.Tensor,
    hand_to_goal_dist: torch.Tensor,
    joint_vel: torch.Tensor,
    action: torch.Tensor,
):
    # Stage 1: approach the goal in the plane
    xy_dist = torch.linalg.norm(hand_pos[:, :2] - goal_pos[:, :2], dim=1)
    stage1 = 0.3 * (1 - torch.tanh(2.0 * xy_dist))

    # Stage 2: descend once the hand is above it
    above = (xy_dist < 1.0).float()
    z_gap = torch.abs(hand_pos[:, 2] - goal_pos[:, 2])
    stage2 = 0.3 * above * (1 - torch.tanh(2.0 * z_gap))

    # Stage 3: hold still at the goal
    at_goal = (hand_to_goal_dist < 0.2).float()
    is_static = 1 - torch.tanh(joint_vel.abs().mean(dim=1))
    stage3 = at_goal * (0.5 + 0.5 * is_static)

    regularization = -0.005 * (action**2).sum(dim=1)
    reward = stage1 + stage2 + stage3 + regularization
    return reward, {
        "stage1_approach": stage1,
        "stage2_descend": stage2,
        "stage3_hold": stage3,
        "regularization": regularization,
    }
