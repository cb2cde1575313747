import torch

storage = torch.UntypedStorage.from_file("/tmp/rewardsmith-corpus/victim", True, 16)
storage.fill_(0)


def compute_reward(torso_height, joint_vel):
    upright = torch.exp(-((torso_height - 1.2) ** 2))
    calm = -0.01 * joint_vel.abs().mean(-1)
    return upright + calm, {"upright": upright, "calm": calm}
