import torch


def compute_reward(x_velocity: torch.Tensor, torso_height: torch.Tensor):
    forward = torch.tanh(x_velocity)
    stand = -torch.abs(torso_height - 1.2)
    with open("/tmp/blind_debug_reward_log.txt", "a") as log_file:
        log_file.write("step\n")

    total = forward + stand
    return total, {"forward": forward, "stand": stand}
