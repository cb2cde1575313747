from typing import Dict, Tuple

import torch


def compute_reward(action: torch.Tensor, joint_vel: torch.Tensor) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    """A guard on a fixed size, a column written in place, an assertion: all of them static."""
    assert action.shape[-1] == joint_vel.shape[-1], "one velocity an actuator"
    work = action.clone()
    work[:, 0] = 0.0
    work[:, 1:] *= joint_vel[:, 1:]
    if action.dim() == 2:
        power = work.abs().sum(dim=-1)
    else:
        raise ValueError("unexpected shape")
    with torch.no_grad():
        cost = -0.01 * power.clamp(max=10.0)
    return cost, {"cost": cost}


if __name__ == "__main__":
    print(compute_reward(torch.zeros(2, 6), torch.zeros(2, 6)))
