import torch


def compute_reward(hand_pos, torso_quat):
    w, x, y, z = torso_quat[:, 0], torso_quat[:, 1], torso_quat[:, 2], torso_quat[:, 3]
    roll = torch.atan2(2 * (w * x + y * z), 1 - 2 * (x**2 + y**2))
    pitch = torch.asin(torch.clamp(2 * (w * y - z * x), -1.0, 1.0))
    R = torch.stack([torch.stack([1-2*(y*y+z*z), 2*(x*y-z*w)], -1), torch.stack([2*(x*y+z*w), 1-2*(x*x+z*z)], -1)], -2)
    p = torch.matmul(R, hand_pos[:, :2].unsqueeze(-1)).squeeze(-1)
    r = -roll.abs() - pitch.abs() + p[:, 0]
    return r, {'roll': -roll.abs(), 'pitch': -pitch.abs(), 'p': p[:, 0]}
