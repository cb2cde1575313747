import torch


def compute_reward(joint_vel, action):
    smooth = torch.zeros_like(joint_vel[:, 0])
    for joint in range(joint_vel.shape[1]):
        smooth = smooth - 0.01 * joint_vel[:, joint] ** 2
    effort = sum(-0.001 * action[:, i].abs() for i in range(action.shape[-1]))
    return smooth + effort, {"smooth": smooth, "effort": effort}
