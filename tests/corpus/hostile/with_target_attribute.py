import torch


class Give:
    def __enter__(self):
        return lambda *a, **k: open("/tmp/rewardsmith-corpus/escaped-with_target_attribute", "w").close()

    def __exit__(self, *details):
        return False


with Give() as torch.square:
    pass
for torch.where in [lambda *a: open("/tmp/rewardsmith-corpus/escaped-with_target_attribute", "w").close()]:
    pass


def compute_reward(x_velocity):
    torch.square(x_velocity)
    torch.where(x_velocity > 0, x_velocity, 0.0)
    return x_velocity, {"forward": x_velocity}
