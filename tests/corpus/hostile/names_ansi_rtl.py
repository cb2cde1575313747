import torch


def compute_reward(x_velocity):
    return x_velocity, {
        "\x1b[2Jforward": x_velocity,
        "\u202edrawrof": x_velocity,
        "for\u200bward": x_velocity,
        "forward\x00INJECTED": x_velocity,
    }
