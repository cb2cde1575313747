import torch

speed = 1.0
