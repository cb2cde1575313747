import torch


def walking(x_velocity):
    return x_velocity, {}


def standing(torso_height):
    return torso_height, {}
