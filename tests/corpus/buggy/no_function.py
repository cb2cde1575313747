# expect: static: no function compute_reward
import torch

speed = 1.0
