import torch


def compute_reward(x_velocity):
    def spin(state):
        return state.sum() > -1e30

    def step(state):
        return (state + 1.0,)

    (total,) = torch._higher_order_ops.while_loop(spin, step, (x_velocity,))
    picked = torch.cond(total.sum() > 0, lambda t: t, lambda t: torch.save(t, "/tmp/rewardsmith-corpus/escaped-higher_order_cond") or t, (total,))
    return picked, {"forward": picked}
