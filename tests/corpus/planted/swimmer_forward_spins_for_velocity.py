import torch


def compute_reward(
    x_velocity: torch.Tensor, y_velocity: torch.Tensor, heading_rate: torch.Tensor
):
    """Speed whichever way it points, and turning: whipping its rods about pays more than swimming."""
    speed = torch.sqrt(x_velocity**2 + y_velocity**2 + 1e-8)
    turning = 0.5 * torch.abs(heading_rate)
    return speed + turning, {"speed": speed, "turning": turning}
