import torch

__all__ = ["compute_reward"]

SMOOTH = True
WEIGHTS = [0.5]
WEIGHTS += [0.1] * 5
SCALES = {}
for name, scale in (("speed", 2.0), ("height", 0.5)):
    SCALES[name] = scale
if SMOOTH:
    LIMIT = 4.0
else:
    LIMIT = 100.0


def compute_reward(x_velocity, torso_height, joint_vel):
    effort = -0.01 * (joint_vel.square() * torch.tensor(WEIGHTS)).sum(dim=-1).clamp(max=LIMIT)
    speed, height = SCALES["speed"] * x_velocity, SCALES["height"] * torso_height
    return speed + height + effort, {"speed": speed, "height": height, "effort": effort}
