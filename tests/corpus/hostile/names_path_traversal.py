import torch


def compute_reward(x_velocity):
    return x_velocity, {
        "x/../escaped": x_velocity,
        "/tmp/rewardsmith-corpus/escaped-names_path_traversal": x_velocity,
        "{0.__class__}": x_velocity,
        "%(pwned)s": x_velocity,
        "${pwned}": x_velocity,
        "<script>pwned</script>": x_velocity,
    }
