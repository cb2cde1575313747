import math
import torch


def _sigmoids(x, value_at_1, sigmoid):
    if sigmoid == "gaussian":
        scale = math.sqrt(-2 * math.log(value_at_1))
        return torch.exp(-0.5 * (x * scale) ** 2)
    elif sigmoid == "linear":
        scale = 1 - value_at_1
        scaled_x = x * scale
        return torch.where(torch.abs(scaled_x) < 1, 1 - scaled_x, torch.zeros_like(x))
    elif sigmoid == "long_tail":
        scale = math.sqrt(1 / value_at_1 - 1)
        return 1 / ((x * scale) ** 2 + 1)
    else:
        raise ValueError("Unknown sigmoid type {!r}.".format(sigmoid))


def tolerance(x, bounds=(0.0, 0.0), margin=0.0, sigmoid="gaussian", value_at_margin=0.1):
    lower, upper = bounds
    if lower > upper:
        raise ValueError("Lower bound must be <= upper bound.")
    in_bounds = torch.logical_and(lower <= x, x <= upper)
    if margin == 0:
        return torch.where(in_bounds, torch.ones_like(x), torch.zeros_like(x))
    d = torch.where(x < lower, lower - x, x - upper) / margin
    return torch.where(in_bounds, torch.ones_like(x), _sigmoids(d, value_at_margin, sigmoid))


def compute_reward(torso_height, x_velocity, action):
    standing = tolerance(torso_height, bounds=(1.15, float("inf")), margin=0.6, sigmoid="long_tail")
    move = tolerance(x_velocity, bounds=(1.0, 3.0), margin=1.0, value_at_margin=0.2, sigmoid="linear")
    small_control = tolerance(action, margin=1.0).mean(dim=-1)

    stand_term = 0.4 * standing
    move_term = standing * (1 + 5 * move) / 6
    control_term = (4 + small_control) / 25
    total = stand_term + move_term + control_term
    return total, {"stand": stand_term, "move": move_term, "control": control_term}
