"""Laws of `rewardsmith.geometry`, and that it agrees with MuJoCo's own functions."""

from __future__ import annotations

import inspect
import math
import subprocess
import sys
from typing import get_args

import mujoco
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rewardsmith import geometry
from rewardsmith.geometry import (
    angle_difference,
    distance,
    heading,
    normalize,
    planar_distance,
    quat_apply,
    quat_apply_inverse,
    quat_conjugate,
    quat_error,
    quat_error_vector,
    quat_from_axis_angle,
    quat_from_euler,
    quat_mul,
    quat_to_euler,
    quat_to_matrix,
    rotate_2d,
    tilt,
    tolerance,
    up_axis,
    wrap_to_pi,
)

laws = settings(max_examples=60, deadline=None)

ONE = torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=torch.float64)
SIGMOIDS = get_args(geometry.Sigmoid)


def _batch(seed: int, size: int) -> Tensor:
    return torch.randn(16, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _close(a: Tensor, b: Tensor, *, atol: float = 1e-6) -> bool:
    return torch.allclose(*torch.broadcast_tensors(a, b), atol=atol)


SEEDS = st.integers(0, 2**31)
QUATS = SEEDS.map(lambda seed: normalize(_batch(seed, 4)))
VECTORS = SEEDS.map(lambda seed: 3.0 * _batch(seed, 3))
ANGLES = st.floats(-3.0, 3.0)


# --- quaternions ----------------------------------------------------------------------------------------------------


@laws
@given(QUATS, QUATS, QUATS)
def test_products_are_associative_and_stay_unit(a: Tensor, b: Tensor, c: Tensor) -> None:
    assert _close(quat_mul(quat_mul(a, b), c), quat_mul(a, quat_mul(b, c)))
    assert _close(quat_mul(a, b).norm(dim=-1), torch.ones(16, dtype=torch.float64))


@laws
@given(QUATS)
def test_a_rotation_and_its_conjugate_are_no_rotation(q: Tensor) -> None:
    assert _close(quat_mul(q, quat_conjugate(q)), ONE)


@laws
@given(QUATS, QUATS, VECTORS)
def test_a_product_rotates_by_the_right_factor_first(a: Tensor, b: Tensor, v: Tensor) -> None:
    assert _close(quat_apply(quat_mul(a, b), v), quat_apply(a, quat_apply(b, v)))


@laws
@given(QUATS, VECTORS)
def test_rotation_keeps_lengths_and_its_inverse_undoes_it(q: Tensor, v: Tensor) -> None:
    assert _close(quat_apply(q, v).norm(dim=-1), v.norm(dim=-1))
    assert _close(quat_apply_inverse(q, quat_apply(q, v)), v)
    assert _close(quat_apply_inverse(q, v), quat_apply(quat_conjugate(q), v))
    assert _close((quat_to_matrix(q) @ v.unsqueeze(-1)).squeeze(-1), quat_apply(q, v))


@laws
@given(QUATS, QUATS, VECTORS)
def test_they_agree_with_mujoco(a: Tensor, b: Tensor, v: Tensor) -> None:
    for i in range(3):
        four, three, nine = np.zeros(4), np.zeros(3), np.zeros(9)
        mujoco.mju_mulQuat(four, a[i].numpy(), b[i].numpy())
        assert _close(quat_mul(a, b)[i], torch.from_numpy(four))
        mujoco.mju_rotVecQuat(three, v[i].numpy(), a[i].numpy())
        assert _close(quat_apply(a, v)[i], torch.from_numpy(three))
        mujoco.mju_quat2Mat(nine, a[i].numpy())
        assert _close(quat_to_matrix(a)[i].flatten(), torch.from_numpy(nine))
        mujoco.mju_axisAngle2Quat(four, normalize(v)[i].numpy(), 0.7)
        assert _close(quat_from_axis_angle(v, 0.7)[i], torch.from_numpy(four))
        mujoco.mju_subQuat(three, b[i].numpy(), a[i].numpy())  # from a to b, in the frame of a
        assert _close(quat_apply_inverse(a, quat_error_vector(a, b))[i], torch.from_numpy(three))
        assert _close(quat_error(a, b)[i], torch.from_numpy(three).norm())


@laws
@given(ANGLES, st.floats(-1.5, 1.5), ANGLES)
def test_euler_angles_come_back(roll: float, pitch: float, yaw: float) -> None:
    angles = torch.tensor([roll, pitch, yaw], dtype=torch.float64)
    q = quat_from_euler(*angles)
    assert _close(torch.stack(quat_to_euler(q)), angles, atol=1e-5)
    four = np.zeros(4)
    mujoco.mju_euler2Quat(four, angles.numpy(), "XYZ")
    assert _close(q, torch.from_numpy(four))


@laws
@given(QUATS)
def test_error_of_equal_orientations_is_zero_with_a_finite_gradient(q: Tensor) -> None:
    for other in (q.clone(), -q):  # both are one orientation
        a = q.clone().requires_grad_()
        angle, turn = quat_error(a, other), quat_error_vector(a, other)
        assert _close(angle, torch.zeros_like(angle))
        assert _close(turn, torch.zeros_like(turn))
        (angle.sum() + turn.sum()).backward()  # type: ignore[no-untyped-call]
        assert a.grad is not None
        assert a.grad.isfinite().all()


def test_exact_identity_has_finite_gradients_everywhere() -> None:
    q = ONE.repeat(2, 1).requires_grad_()
    p = torch.zeros((2, 3), dtype=torch.float64, requires_grad=True)
    values = [quat_error(q, q.detach()), tilt(q), heading(q), up_axis(q), distance(p, p.detach()), normalize(p)]
    values += [*quat_to_euler(q), quat_error_vector(q, q.detach()), planar_distance(p, p.detach())]
    sum(value.sum() for value in values).backward()  # type: ignore[union-attr]
    assert q.grad is not None
    assert p.grad is not None
    assert q.grad.isfinite().all()
    assert p.grad.isfinite().all()


def test_an_error_knows_small_angles_in_single_precision() -> None:
    x = torch.tensor([1.0, 0.0, 0.0])
    for angle in (1e-6, 1e-4, 1e-2):
        q = quat_from_axis_angle(x, angle)
        assert quat_error(q, ONE.float()).item() == pytest.approx(angle, rel=1e-3)
        assert quat_error_vector(ONE.float(), q).tolist() == pytest.approx([angle, 0.0, 0.0], rel=1e-3)


# --- how a body stands ----------------------------------------------------------------------------------------------


@laws
@given(QUATS)
def test_the_up_axis_is_the_turned_z_axis_and_tilt_its_angle(q: Tensor) -> None:
    z = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    assert _close(up_axis(q), quat_apply(q, z))
    assert _close(torch.cos(tilt(q)), up_axis(q)[:, 2])


@laws
@given(ANGLES, st.floats(0.0, 1.4))
def test_heading_and_tilt_are_told_apart(yaw: float, lean: float) -> None:
    q = quat_from_euler(0.0, lean, torch.tensor(yaw, dtype=torch.float64))
    assert _close(heading(q), torch.tensor(yaw, dtype=torch.float64))
    assert _close(tilt(q), torch.tensor(lean, dtype=torch.float64), atol=1e-5)


# --- vectors and angles ---------------------------------------------------------------------------------------------


@laws
@given(st.floats(-1e3, 1e3))
def test_a_wrapped_angle_is_the_same_angle_in_range(angle: float) -> None:
    given_, wrapped = torch.tensor(angle, dtype=torch.float64), wrap_to_pi(torch.tensor(angle, dtype=torch.float64))
    assert wrapped.abs() <= math.pi + 1e-9
    assert _close(torch.cos(wrapped), torch.cos(given_))
    assert _close(torch.sin(wrapped), torch.sin(given_))
    assert torch.equal(wrap_to_pi(wrapped), wrapped) or abs(wrapped.abs().item() - math.pi) < 1e-9


def test_the_short_way_round_crosses_pi() -> None:
    assert _close(angle_difference(torch.tensor(3.0), torch.tensor(-3.0)), torch.tensor(6.0 - 2.0 * math.pi))


@laws
@given(VECTORS, ANGLES)
def test_a_turn_in_the_plane_is_a_turn_about_z(v: Tensor, angle: float) -> None:
    q = quat_from_axis_angle(torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64), angle)
    assert _close(rotate_2d(v[:, :2], angle), quat_apply(q, v)[:, :2])


@laws
@given(VECTORS, VECTORS)
def test_distances_are_those_of_euclid(a: Tensor, b: Tensor) -> None:
    assert _close(distance(a, b), (a - b).norm(dim=-1))
    assert _close(planar_distance(a, b), distance(a[:, :2], b[:, :2]))
    assert _close(normalize(a).norm(dim=-1), torch.ones(16, dtype=torch.float64))


def test_zero_normalizes_to_zero() -> None:
    assert torch.equal(normalize(torch.zeros(2, 3)), torch.zeros(2, 3))


# --- tolerance ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sigmoid", SIGMOIDS)
@laws
@given(at_margin=st.floats(0.05, 0.9), margin=st.floats(0.1, 10.0))
def test_tolerance_is_one_inside_and_as_asked_at_the_margin(sigmoid: str, at_margin: float, margin: float) -> None:
    x = torch.tensor([1.0, 1.5, 2.0, 2.0 + margin, 1.0 - margin], dtype=torch.float64)
    value = tolerance(x, (1.0, 2.0), margin, sigmoid, at_margin)  # type: ignore[arg-type]
    assert _close(value, torch.tensor([1.0, 1.0, 1.0, at_margin, at_margin], dtype=torch.float64))


@pytest.mark.parametrize("sigmoid", SIGMOIDS)
def test_tolerance_falls_with_the_distance_and_stays_finite(sigmoid: str) -> None:
    x = torch.cat([torch.linspace(0.0, 10.0, 101), torch.tensor([1e3, 1e6])]).requires_grad_()
    value = tolerance(x, margin=1.0, sigmoid=sigmoid)  # type: ignore[arg-type]
    assert (value.diff() <= 0).all()
    assert ((value >= 0) & (value <= 1)).all()
    value.sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_tolerance_without_margin_is_all_or_nothing_and_takes_open_bounds() -> None:
    x = torch.tensor([-1.0, 0.5, 99.0])
    assert tolerance(x, (0.0, 1.0)).tolist() == [0.0, 1.0, 0.0]
    assert tolerance(x, (0.0, math.inf)).tolist() == [0.0, 1.0, 1.0]
    assert tolerance(x, (-math.inf, 1.0), margin=98.0, value_at_margin=0.5).tolist() == pytest.approx([1.0, 1.0, 0.5])


# --- what it refuses, and what it is --------------------------------------------------------------------------------

Q, V = torch.ones(5, 4), torch.ones(5, 3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: quat_apply(V, V), r"quat_apply expects q of shape \(..., 4\); got \(5, 3\)"),
        (lambda: quat_apply(Q, Q), r"quat_apply expects v of shape \(..., 3\); got \(5, 4\)"),
        (lambda: quat_apply(Q, [0.0, 0.0, 1.0]), r"expects v to be a tensor of shape \(..., 3\)"),
        (lambda: tilt(torch.tensor(1.0)), r"got \(\)"),
        (lambda: tolerance(V, (2.0, 1.0)), "lower <= upper"),
        (lambda: tolerance(V, (V, V)), "give it x - target"),
        (lambda: tolerance(V, margin=1.0, sigmoid="bell"), "knows no sigmoid 'bell'; it knows gaussian, hyperbolic"),
        (lambda: tolerance(V, margin=1.0, value_at_margin=0.0), "between 0 and 1; got 0"),
    ],
)
def test_misuse_is_told_in_one_sentence(call: object, words: str) -> None:
    with pytest.raises(geometry.Misused, match=words):
        call()  # type: ignore[operator]


def test_a_vector_of_whole_numbers_is_turned_like_any_other() -> None:
    q = quat_from_euler(torch.tensor(0.3), 0.2, 0.1)
    for turn in (quat_apply, quat_apply_inverse):
        assert torch.equal(turn(q, torch.tensor([0, 0, 1])), turn(q, torch.tensor([0.0, 0.0, 1.0])))


def test_leading_dimensions_broadcast() -> None:
    feet = torch.randn(5, 4, 3)
    assert quat_apply(Q.unsqueeze(1), feet).shape == (5, 4, 3)
    assert quat_to_matrix(Q.reshape(5, 1, 4)).shape == (5, 1, 3, 3)
    assert quat_error(Q, Q[0]).shape == (5,)
    assert quat_from_euler(torch.zeros(5), 0.0, torch.zeros(3, 5)).shape == (3, 5, 4)


def test_every_public_function_is_listed_and_says_its_shapes() -> None:
    functions = {
        name
        for name, function in inspect.getmembers(geometry, inspect.isfunction)
        if function.__module__ == geometry.__name__ and not name.startswith("_")
    }
    assert sorted(functions) == geometry.__all__
    assert all("->" in f.__doc__ or "shape" in f.__doc__ for f in (getattr(geometry, n) for n in functions))


def test_it_loads_nothing_else_of_rewardsmith() -> None:
    code = (
        "import sys; from rewardsmith.geometry import quat_mul; "
        "print([m for m in sys.modules if m.startswith('rewardsmith') and m != 'rewardsmith.geometry'])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True, text=True)
    assert done.stdout.strip() == "['rewardsmith']"
