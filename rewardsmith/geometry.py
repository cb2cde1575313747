"""Rotations, angles and distances that reward code may import: pure functions of batched tensors, on torch alone.

Quaternions are unit and in MuJoCo's order (w, x, y, z). `q` turns vectors of a body's frame into the world's. Every
function takes any leading dimensions, broadcasts them, and is finite, with a finite gradient, where angles and
distances are zero. Nothing here is of rewardsmith's own working: a reward file that imports it runs anywhere.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor

__all__ = [
    "angle_difference", "distance", "heading", "normalize", "planar_distance", "quat_apply", "quat_apply_inverse",
    "quat_conjugate", "quat_error", "quat_error_vector", "quat_from_axis_angle", "quat_from_euler", "quat_mul",
    "quat_to_euler", "quat_to_matrix", "rotate_2d", "tilt", "tolerance", "up_axis", "wrap_to_pi",
]  # fmt: skip

Sigmoid = Literal[
    "gaussian", "hyperbolic", "long_tail", "reciprocal", "cosine", "linear", "quadratic", "tanh_squared"
]  # fmt: skip

Angle = Tensor | float
"""In rad: a tensor, or one number for all rows."""

_TINY = 1e-9


class Misused(ValueError):
    """A function of this module was given what it cannot take; the message says what it expects."""


# --- quaternions ----------------------------------------------------------------------------------------------------


def quat_mul(a: Tensor, b: Tensor) -> Tensor:
    """The rotation `b` followed by `a`: `(..., 4)`, `(..., 4)` -> `(..., 4)`."""
    _check("quat_mul", a=(a, 4), b=(b, 4))
    w, v = _parts(a)
    s, u = _parts(b)
    return torch.cat([w * s - _dot(v, u), w * u + s * v + _cross(v, u)], dim=-1)


def quat_conjugate(q: Tensor) -> Tensor:
    """The inverse rotation: `(..., 4)` -> `(..., 4)`."""
    _check("quat_conjugate", q=(q, 4))
    w, v = _parts(q)
    return torch.cat([w, -v], dim=-1)


def quat_apply(q: Tensor, v: Tensor) -> Tensor:
    """The vector `v` turned by `q`, from body to world: `(..., 4)`, `(..., 3)` -> `(..., 3)`."""
    _check("quat_apply", q=(q, 4), v=(v, 3))
    (w, axis), v = _parts(q), v.to(q.dtype)
    twice = 2.0 * _cross(axis, v)
    return v + w * twice + _cross(axis, twice)


def quat_apply_inverse(q: Tensor, v: Tensor) -> Tensor:
    """The vector `v` turned back by `q`, from world to body: `(..., 4)`, `(..., 3)` -> `(..., 3)`."""
    _check("quat_apply_inverse", q=(q, 4), v=(v, 3))
    (w, axis), v = _parts(q), v.to(q.dtype)
    twice = 2.0 * _cross(v, axis)
    return v + w * twice + _cross(twice, axis)


def quat_error(a: Tensor, b: Tensor) -> Tensor:
    """The angle between two orientations in [0, pi] rad: `(..., 4)`, `(..., 4)` -> `(...)`."""
    _check("quat_error", a=(a, 4), b=(b, 4))
    w, v = _parts(quat_mul(a, quat_conjugate(b)))
    return 2.0 * torch.atan2(_norm(v), w.abs().squeeze(-1))


def quat_error_vector(q: Tensor, target: Tensor) -> Tensor:
    """The shortest turn from `q` to `target`, axis times angle [rad] in the world's frame: `(..., 4)` -> `(..., 3)`."""
    _check("quat_error_vector", q=(q, 4), target=(target, 4))
    w, v = _parts(quat_mul(target, quat_conjugate(q)))
    sine = _norm(v).unsqueeze(-1)
    stretch = torch.where(sine > _TINY, 2.0 * torch.atan2(sine, w.abs()) / sine.clamp_min(_TINY), 2.0)
    return torch.where(w < 0.0, -v, v) * stretch


def quat_from_axis_angle(axis: Tensor, angle: Angle) -> Tensor:
    """The turn by `angle` [rad] about `axis`, of any length: `(..., 3)`, `(...)` -> `(..., 4)`."""
    _check("quat_from_axis_angle", axis=(axis, 3))
    cosine, sine = _cos_sin(angle, 0.5)
    v = normalize(axis) * sine.unsqueeze(-1)
    return torch.cat([cosine.unsqueeze(-1).expand_as(v[..., :1]), v], dim=-1)


def quat_from_euler(roll: Angle, pitch: Angle, yaw: Angle) -> Tensor:
    """Roll about x, then pitch about y, then yaw about z, the world's axes, in rad: `(...)` each -> `(..., 4)`."""
    (cr, sr), (cp, sp), (cy, sy) = (_cos_sin(angle, 0.5) for angle in (roll, pitch, yaw))
    w, x = cy * cp * cr + sy * sp * sr, cy * cp * sr - sy * sp * cr
    y, z = cy * sp * cr + sy * cp * sr, sy * cp * cr - cy * sp * sr
    return torch.stack([w, x, y, z], dim=-1)


def quat_to_euler(q: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Roll, pitch and yaw [rad] as `quat_from_euler` takes them: `(..., 4)` -> three of `(...)`."""
    _check("quat_to_euler", q=(q, 4))
    w, x, y, z = q.unbind(-1)
    roll = torch.atan2(2.0 * (w * x + y * z), w * w - x * x - y * y + z * z)
    pitch = torch.asin(torch.clamp(2.0 * (w * y - z * x), -1.0, 1.0))
    return roll, pitch, heading(q)


def quat_to_matrix(q: Tensor) -> Tensor:
    """The rotation matrix, whose columns are the body's axes in the world: `(..., 4)` -> `(..., 3, 3)`."""
    _check("quat_to_matrix", q=(q, 4))
    w, x, y, z = q.unbind(-1)
    entries = [
        1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y),
        2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x),
        2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y),
    ]  # fmt: skip
    return torch.stack(entries, dim=-1).reshape(*q.shape[:-1], 3, 3)


# --- how a body stands ----------------------------------------------------------------------------------------------


def up_axis(q: Tensor) -> Tensor:
    """The body's z axis in the world; its third entry is 1 upright, -1 upside down: `(..., 4)` -> `(..., 3)`."""
    _check("up_axis", q=(q, 4))
    w, x, y, z = q.unbind(-1)
    return torch.stack([2.0 * (x * z + w * y), 2.0 * (y * z - w * x), 1.0 - 2.0 * (x * x + y * y)], dim=-1)


def tilt(q: Tensor) -> Tensor:
    """How far the body's z axis leans from the vertical, in [0, pi] rad: `(..., 4)` -> `(...)`."""
    _check("tilt", q=(q, 4))
    return 2.0 * torch.atan2(_norm(q[..., 1:3]), _norm(q[..., ::3]))


def heading(q: Tensor) -> Tensor:
    """Where the body's x axis points on the ground, its yaw in [-pi, pi] rad, 0 along x: `(..., 4)` -> `(...)`."""
    _check("heading", q=(q, 4))
    w, x, y, z = q.unbind(-1)
    return torch.atan2(2.0 * (w * z + x * y), w * w + x * x - y * y - z * z)


# --- vectors and angles ---------------------------------------------------------------------------------------------


def normalize(x: Tensor, eps: float = 1e-8) -> Tensor:
    """`x` at length 1 along its last axis; zero stays zero: `(..., K)` -> `(..., K)`."""
    return x / _norm(x).unsqueeze(-1).clamp_min(eps)


def distance(a: Tensor, b: Tensor) -> Tensor:
    """The distance between two points: `(..., K)`, `(..., K)` -> `(...)`."""
    return _norm(a - b)


def planar_distance(a: Tensor, b: Tensor) -> Tensor:
    """The distance between two points on the ground, by x and y alone: `(..., 2 or 3)` twice -> `(...)`."""
    return _norm(a[..., :2] - b[..., :2])


def rotate_2d(v: Tensor, angle: Angle) -> Tensor:
    """The vector `v` turned left by `angle` [rad]: `(..., 2)`, `(...)` -> `(..., 2)`."""
    _check("rotate_2d", v=(v, 2))
    (x, y), (cosine, sine) = v.unbind(-1), _cos_sin(angle)
    return torch.stack([x * cosine - y * sine, x * sine + y * cosine], dim=-1)


def wrap_to_pi(angle: Tensor) -> Tensor:
    """The same angle in [-pi, pi] rad, any shape; angles in that range are left as they are."""
    return angle - 2.0 * math.pi * torch.round(angle / (2.0 * math.pi))


def angle_difference(a: Tensor, b: Tensor) -> Tensor:
    """`a - b`, the short way round, in [-pi, pi] rad, any shape."""
    return wrap_to_pi(a - b)


# --- shaping --------------------------------------------------------------------------------------------------------


def tolerance(
    x: Tensor,
    bounds: tuple[float, float] = (0.0, 0.0),
    margin: float = 0.0,
    sigmoid: Sigmoid = "gaussian",
    value_at_margin: float = 0.1,
) -> Tensor:
    """1 where `x` is within `bounds`, falling outside to `value_at_margin` at `margin` from them; any shape.

    Without a margin it is 0 outside. A bound may be infinite. `value_at_margin` in (0, 1); 0 is allowed for the
    sigmoids that reach it (cosine, linear, quadratic). After the `tolerance` of Tassa et al., DeepMind Control Suite,
    arXiv:1801.00690.
    """
    lower, upper = bounds
    if any(isinstance(number, Tensor) for number in (lower, upper, margin, value_at_margin)):
        raise Misused("tolerance expects bounds and margin as numbers; for a target that moves, give it x - target")
    if lower > upper or margin < 0.0:
        raise Misused("tolerance expects bounds (lower, upper) with lower <= upper, and a margin of 0 or more")
    outside = torch.zeros_like(x)
    if math.isfinite(lower):
        outside = outside + torch.relu(lower - x)
    if math.isfinite(upper):
        outside = outside + torch.relu(x - upper)
    return _falling(outside / margin, sigmoid, value_at_margin) if margin else (outside <= 0.0).to(x.dtype)


def _falling(d: Tensor, sigmoid: str, at_one: float) -> Tensor:
    """A curve that is 1 at 0 and `at_one` at 1."""
    if not (0.0 <= at_one < 1.0 if sigmoid in ("cosine", "linear", "quadratic") else 0.0 < at_one < 1.0):
        raise Misused(f"tolerance expects a value_at_margin between 0 and 1; got {at_one:g}")
    match sigmoid:
        case "gaussian":
            return torch.exp(math.log(at_one) * d * d)
        case "hyperbolic":  # 1 / cosh, without its overflow
            decay = torch.exp(-math.acosh(1.0 / at_one) * d)
            return 2.0 * decay / (1.0 + decay * decay)
        case "long_tail":
            return 1.0 / (1.0 + (1.0 / at_one - 1.0) * d * d)
        case "reciprocal":
            return 1.0 / (1.0 + (1.0 / at_one - 1.0) * d)
        case "cosine":
            return 0.5 + 0.5 * torch.cos(torch.clamp(math.acos(2.0 * at_one - 1.0) * d, max=math.pi))
        case "linear":
            return torch.relu(1.0 - (1.0 - at_one) * d)
        case "quadratic":
            return torch.relu(1.0 - (1.0 - at_one) * d * d)
        case "tanh_squared":
            return 1.0 - torch.square(torch.tanh(math.atanh(math.sqrt(1.0 - at_one)) * d))
    raise Misused(f"tolerance knows no sigmoid '{sigmoid}'; it knows {', '.join(get_args(Sigmoid))}")


# --- parts ----------------------------------------------------------------------------------------------------------


def _check(function: str, **expected: tuple[Tensor, int]) -> None:
    """The last axis of each argument must have its size. Raises: Misused."""
    for name, (value, size) in expected.items():
        if not isinstance(value, Tensor):
            raise Misused(f"{function} expects {name} to be a tensor of shape (..., {size})")
        if value.dim() == 0 or value.shape[-1] != size:
            raise Misused(f"{function} expects {name} of shape (..., {size}); got {tuple(value.shape)}")


def _parts(q: Tensor) -> tuple[Tensor, Tensor]:
    """The scalar `(..., 1)` and the vector `(..., 3)` of a quaternion."""
    return q[..., :1], q[..., 1:]


def _cos_sin(angle: Angle, times: float = 1.0) -> tuple[Tensor, Tensor]:
    """Cosine and sine of `times` an angle."""
    scaled = torch.as_tensor(angle) * times
    return torch.cos(scaled), torch.sin(scaled)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(dim=-1, keepdim=True)


def _cross(a: Tensor, b: Tensor) -> Tensor:
    first, second = a[(None,) * (b.dim() - a.dim())], b[(None,) * (a.dim() - b.dim())]
    return torch.cross(first, second, dim=-1)


def _norm(x: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(x, dim=-1)
    return length
