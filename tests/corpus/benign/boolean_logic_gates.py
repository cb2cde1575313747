import torch


def compute_reward(
    torso_height: torch.Tensor, x_velocity: torch.Tensor, hand_to_goal_dist: torch.Tensor, foot_pos: torch.Tensor
):
    contact = foot_pos[..., 2] < 0.0
    trot = (contact[:, 0] & contact[:, 3]) ^ (contact[:, 1] & contact[:, 2])
    any_contact = contact.any(dim=1)
    flying = ~any_contact
    tall = torch.logical_and(torso_height > 1.1, torso_height < 1.3)
    moving = torch.logical_or(x_velocity > 0.2, x_velocity < -0.2)
    reached = torch.logical_not(hand_to_goal_dist > 0.3)

    gait = 0.4 * trot.float()
    air = -0.5 * flying.float()
    posture = 0.3 * (tall & moving).type(torch.float32)
    goal = reached.to(torch.float) * (1.0 - hand_to_goal_dist)
    total = gait + air + posture + goal
    return total, {"gait": gait, "air": air, "posture": posture, "goal": goal}
