import torch


class Evil(BaseExceptionGroup):
    def split(self, kind):
        return "not a tuple"

    def derive(self, parts):
        return 42


def compute_reward(x_velocity):
    try:
        raise Evil("x", [ValueError(1)])
    except* ValueError:
        pass
    except* TypeError:
        pass
    return x_velocity, {"forward": x_velocity}
