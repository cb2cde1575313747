"""Tests of `sandbox.gate` and its vocabulary: which function is meant, what it asks for, what the language holds."""

from __future__ import annotations

import ast

import pytest

from rewardsmith import geometry
from rewardsmith.sandbox import gate, namespace, vocabulary
from rewardsmith.sandbox.faults import FaultFound

REWARD = "def compute_reward(speed):\n    return speed, {}\n"


def _kind(code: str) -> str:
    """The fault of a program, or nothing where it passes."""
    try:
        gate.check(code)
    except FaultFound as found:
        return found.fault.kind
    return ""


# --- imports --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "import torch, math, typing",
        "import torch.nn.functional as F",
        "import torch.linalg as LA",
        "from torch import Tensor, nn, where",
        "from torch.nn import functional as F",
        "from math import *",
        "from typing import *",
        "from typing_extensions import TypeAlias",
        "from collections.abc import Sequence",
        "from __future__ import annotations",
        "from rewardsmith import geometry",
        "import rewardsmith.geometry",
        "import rewardsmith.geometry as geo",
        "from rewardsmith.geometry import quat_mul as mul, tilt",
        "from rewardsmith.geometry import *",
    ],
)
def test_these_imports_pass(line: str) -> None:
    assert _kind(f"{line}\n{REWARD}") == ""


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("import os", "import"),
        ("import rewardsmith", ""),
        ("import rewardsmith.config", "import"),
        ("from rewardsmith import config", "torch_name"),
        ("from rewardsmith.geometry import Misused", "geometry_name"),
        ("from . import geometry", "import"),
        ("from functools import partial", "import"),
        ("from torch import *", "torch_name"),
        ("from torch import load", "torch_name"),
        ("from torch import append", "torch_name"),
        ("from numpy import exp", "numpy"),
        ("from isaacgym.torch_utils import *", "other_geometry"),
        ("from isaaclab.utils.math import quat_apply", "other_geometry"),
        ("from dm_control.utils import rewards", "other_geometry"),
        ("from scipy.spatial.transform import Rotation", "other_geometry"),
        ("import mujoco", "other_geometry"),
    ],
)
def test_these_imports_are_told_apart(line: str, kind: str) -> None:
    assert _kind(f"{line}\n{REWARD}") == kind


def test_a_star_stands_for_the_names_that_are_offered() -> None:
    code = "from math import *\nfrom rewardsmith.geometry import *\ndef compute_reward(q):\n    return {}(q), {{}}"
    assert _kind(code.format("tilt")) == ""
    assert _kind(code.format("sqrt")) == ""
    assert _kind(code.format("quat_slerp")) == "unknown_name"


def test_a_name_the_geometry_module_lacks_is_answered_with_those_it_has() -> None:
    code = "from rewardsmith import geometry\ndef compute_reward(q):\n    return geometry.quat_muls(q, q), {}"
    with pytest.raises(FaultFound) as caught:
        gate.check(code)
    assert caught.value.fault.kind == "geometry_name"
    assert caught.value.fault.line == 3
    assert caught.value.fault.words == {"name": "quat_muls", "suggestion": " Did you mean 'quat_mul'?"}


def test_vocabulary_and_namespace_offer_the_geometry_module_as_it_is() -> None:
    assert sorted(geometry.__all__) == sorted(vocabulary.GEOMETRY)


def test_every_module_that_may_be_imported_is_there_with_its_names() -> None:
    modules = namespace.modules()
    assert set(modules) == set(vocabulary.OFFERS)
    for name in ("math", "torch.jit", "torch.nn", "rewardsmith", "rewardsmith.geometry", "typing", "collections.abc"):
        assert {word for word in vocabulary.OFFERS[name] if not hasattr(modules[name], word)} == set()


# --- the function and its arguments ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("def compute_reward(a): return a, {}\ndef other(a): return a, {}", "compute_reward"),
        ("def compute_reward_v3(a): return a, {}\ndef unused(a): return a", "compute_reward_v3"),
        ("def compute_reward_a(a): return a\ndef total(a): return compute_reward_a(a), {}", "total"),
        ("def helper(a): return a\ndef unused(a): return a\ndef my_reward(a): return helper(a), {}", "my_reward"),
    ],
)
def test_the_function_that_is_meant_is_found(code: str, name: str) -> None:
    assert gate.check(code).function == name


def test_two_functions_that_could_be_meant_are_a_fault() -> None:
    assert _kind("def first(a): return a, {}\ndef second(a): return a, {}") == "several_functions"


def test_arguments_tell_their_line_default_and_annotation() -> None:
    code = "def compute_reward(a, /, b: 'Tensor',\n    c: float = 1.0, *, d: int): return a, {}"
    assert gate.check(code).arguments == (
        gate.Argument("a", 1, optional=False),
        gate.Argument("b", 1, optional=False, kind="'Tensor'"),
        gate.Argument("c", 2, optional=True, kind="float"),
        gate.Argument("d", 2, optional=False, kind="int"),
    )


def test_arguments_are_signals_or_numbers_and_own_numbers_have_defaults() -> None:
    gated = gate.check("def compute_reward(speed, dt: float, weight: float = 0.5, height=None): return speed, {}")
    asked = gate.check_arguments(gated, {"speed": (), "height": ()}, {"dt": 0.1, "legs": 4.0})
    assert asked == (("speed", "height"), ("dt",))


@pytest.mark.parametrize(
    ("argument", "kind", "known"),
    [
        ("dtt: float", "undeclared_number", "dt, legs"),
        ("leg: int", "undeclared_number", "dt, legs"),
        ("spede: torch.Tensor", "undeclared_argument", "dt, legs, speed"),
        ("spede", "undeclared_argument", "dt, legs, speed"),
    ],
)
def test_an_unknown_argument_is_answered_with_what_it_could_be(argument: str, kind: str, known: str) -> None:
    gated = gate.check(f"import torch\ndef compute_reward(speed, {argument}): return speed, {{}}")
    with pytest.raises(FaultFound) as caught:
        gate.check_arguments(gated, {"speed": ()}, {"dt": 0.1, "legs": 4.0})
    assert caught.value.fault.kind == kind
    assert caught.value.fault.words["known"] == known


@pytest.mark.parametrize(
    ("expression", "statement"),
    [
        ("torch.exp(speed)", "import torch"),
        ("math.pi * speed", "import math"),
        ("F.relu(speed)", "import torch.nn.functional as F"),
        ("quat_mul(speed, speed)", "from rewardsmith.geometry import quat_mul"),
        ("cast(int, speed)", "from typing import cast"),
    ],
)
def test_a_forgotten_import_is_answered_with_its_line(expression: str, statement: str) -> None:
    with pytest.raises(FaultFound) as caught:
        gate.check(f"def compute_reward(speed):\n    return {expression}, {{}}")
    assert caught.value.fault.kind == "missing_import"
    assert caught.value.fault.line == 2
    assert caught.value.fault.words["statement"] == statement


def test_a_declared_signal_that_is_no_argument_is_told_apart_from_a_mistyped_name() -> None:
    code = "def compute_reward(speed):\n    return speed + height, {}"
    with pytest.raises(FaultFound) as caught:
        gate.check(code, {"speed": (), "height": ()})
    assert (caught.value.fault.kind, caught.value.fault.line) == ("not_asked_for", 2)
    assert _kind(code) == "unknown_name"


@pytest.mark.parametrize(
    ("expression", "kind", "name"),
    [
        ("open('x').write(speed)", "name", "open"),
        ("env.progress_buf * speed", "no_object", "env"),
        ("self.cfg.target * speed", "no_object", "self"),
        ("speed * scale.item_of", "unknown_name", "scale"),
        ("speed.requires_grad_(True)", "attribute", "requires_grad_"),
        ("speed.Linear()", "attribute", "Linear"),
    ],
)
def test_what_is_not_there_is_named_before_what_is_read_from_it(expression: str, kind: str, name: str) -> None:
    for arguments in ("speed", "self, speed") if name == "self" else ("speed",):
        with pytest.raises(FaultFound) as caught:
            gate.check(f"def compute_reward({arguments}):\n    return {expression}, {{}}")
        assert (caught.value.fault.kind, caught.value.fault.words["name"]) == (kind, name)
        assert "Did you mean" not in caught.value.fault.words.get("suggestion", "")


def test_what_is_kept_on_a_function_is_state() -> None:
    code = "def compute_reward(speed):\n    {}\n    return speed, {{}}"
    assert _kind(code.format("compute_reward.last = speed")) == "global"
    assert _kind(code.format("last = getattr(compute_reward, 'last', compute_reward.last)")) == "global"


def test_an_argument_may_be_called_like_another_function() -> None:
    helpers = "def speed(v):\n    return v.abs()\ndef bounded(speed):\n    {}\n    return speed.clamp(max=2.0)\n"
    code = f"{helpers}def compute_reward(v):\n    return bounded(speed(v)), {{{{}}}}"
    assert _kind(code.format("pass")) == ""
    assert _kind(code.format("speed.last = 1")) == "global"


def test_each_attribute_of_a_chain_is_looked_at_once() -> None:
    tree = ast.parse("x" + ".T" * 50 + " + torch.nn.functional.relu(y.T).T.T")
    assert [len(chain) for chain in gate._chains(tree)] == [50, 2, 3, 1]


@pytest.mark.parametrize(
    ("expression", "kind", "name"),
    [
        ("torch.random.fork_rng().T", "random", "torch.random.fork_rng"),
        ("torch.cuda.T.T", "device", ""),
        ("x.T.backends.T", "attribute", "backends"),
        ("torch.nn.functional.linears(x)", "torch_name", "torch.nn.functional.linears"),
    ],
)
def test_a_chain_is_judged_by_how_it_starts_and_by_each_of_its_names(expression: str, kind: str, name: str) -> None:
    with pytest.raises(FaultFound) as caught:
        gate.check(f"import torch\ndef compute_reward(x):\n    return {expression}, {{}}")
    assert (caught.value.fault.kind, caught.value.fault.words.get("name", "")) == (kind, name)


def test_a_docstring_may_begin_with_cuda_and_a_device_may_not() -> None:
    assert _kind("def compute_reward(x):\n    'cuda friendly'\n    return x, {}") == ""
    assert _kind("def compute_reward(x):\n    return x.to('cuda:0'), {}") == "device"


@pytest.mark.parametrize("text", ["{0.__class__}", "{0[0]}", "{:{0.real}}", "{!r", "{a.b}"])
def test_a_format_that_reaches_into_its_arguments_is_a_fault(text: str) -> None:
    assert _kind(f"def compute_reward(speed):\n    return {text!r}.format(speed), {{}}") == "attribute"


def test_a_byte_order_mark_in_front_is_no_fault() -> None:
    assert _kind("\ufeff" + REWARD) == ""


# --- the language ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "decorator",
    [
        "@torch.jit.script",
        "@torch.jit.export",
        "@torch.jit.ignore",
        "@torch.no_grad()",
        "@torch.no_grad",
        "@torch.inference_mode()",
        "@torch.compile(dynamic=True)",
    ],
)
def test_decorators_that_change_nothing_are_dropped(decorator: str) -> None:
    tree = gate.check(f"import torch\n{decorator}\n{REWARD}").tree
    assert all(not node.decorator_list for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("decorator", ["@staticmethod", "@print", "@torch.load", "@helper(1)"])
def test_other_decorators_are_a_fault(decorator: str) -> None:
    assert _kind(f"import torch\ndef helper(f): return f\n{decorator}\n{REWARD}") == "decorator"


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("if __name__ == '__main__': print(open('x'))", ""),
        ("if typing.TYPE_CHECKING:\n    import os", ""),
        ("W = [1.0]\nW += [2.0]", ""),
        ("for i in range(3):\n    W = i", ""),
        ("if 1 > 0:\n    W = 2.0\nelse:\n    W = 1.0", ""),
        ("__all__ = ['compute_reward']", ""),
        ("if 1 > 0:\n    import os", "import"),
        ("__builtins__ = {}", "name"),
        ("print('hello')", "top_level"),
        ("class A:\n    @staticmethod\n    def f(): pass", "class"),
        ("try:\n    W = 1\nexcept ValueError:\n    W = 2", "try"),
        ("def f():\n    global W\n    W = 1", "global"),
        ("async def f(): pass", "construct"),
    ],
)
def test_statements_beside_the_function(line: str, kind: str) -> None:
    assert _kind(f"import typing\n{line}\n{REWARD}") == kind


HUGE = "0x" + "f" * 4000  # 4817 digits: Python reads it, and fails to write it
ODD = "f'''{'\a'}'''"  # a character that a constant is written with a backslash for; there none may stand


@pytest.mark.parametrize(
    "code",
    [
        "def compute_reward(speed: {}):\n    return speed, {{}}",
        "def compute_reward(speed):\n    return speed * ({}).real.real, {{}}",
        "def compute_reward(speed):\n    r = speed * 1\n    r[{} & 0] = 1\n    return r, {{}}",
        "def compute_reward(speed):\n    return speed * float({} % 7), {{}}",
        "if {}:\n    a = 1\ndef compute_reward(speed):\n    return speed, {{}}",
        "@{}\ndef compute_reward(speed):\n    return speed, {{}}",
        "def compute_reward(speed):\n    match speed:\n        case {}:\n            return speed, {{}}",
    ],
)
def test_a_number_too_large_to_be_written_is_a_fault_wherever_it_stands(code: str) -> None:
    assert _kind(code.format(HUGE)) == "huge_number"


def test_whole_numbers_may_be_as_large_as_a_float() -> None:
    code = "def compute_reward(speed):\n    return speed * {}, {{}}"
    assert _kind(code.format(10**300)) == ""
    assert _kind(code.format(-(10**301))) == ""
    assert _kind(code.format(10**400)) == "huge_number"


@pytest.mark.parametrize(
    "code",
    [
        "def compute_reward(speed: {}):\n    return speed, {{}}",
        "def compute_reward(speed):\n    return speed * {}.real.real, {{}}",
    ],
)
def test_an_f_string_that_python_cannot_write_is_a_fault(code: str) -> None:
    assert _kind(code.format(ODD)) == "f_string"
    assert _kind(code.format("f'{1:.2f} of {len([1])}'")) != "f_string"
