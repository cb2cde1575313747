"""Tests of `verify.compile` and of all gates on the corpus: benign accepted, buggy told why."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rewardsmith import verify
from rewardsmith.config import VerifySettings
from rewardsmith.sandbox import ProcessSandbox, gate
from rewardsmith.types import Attempt, Rejected, Task, Verified

CORPUS = Path(__file__).parents[1] / "corpus"
MANIFEST: dict[str, dict[str, Any]] = json.loads((CORPUS / "manifest.json").read_text(encoding="utf-8"))
GOLDEN = Path(__file__).parents[1] / "golden" / "rejections"

FIELDS = {
    "benign": {"about"},
    "buggy": {"about", "expect", "says"},
    "hostile": {"aims_at", "source", "may_be_accepted"},
}

Draft = Callable[..., Attempt]
States = dict[str, Tensor]


def _programs(kind: str) -> list[Any]:
    """The corpus of one kind; those that are stopped by the clock are slow."""
    return [
        pytest.param(name, id=Path(name).stem, marks=[pytest.mark.slow] if entry.get("slow") else [])
        for name, entry in MANIFEST.items()
        if name.startswith(f"{kind}/")
    ]


@pytest.fixture(scope="session")
def hasty() -> Iterator[ProcessSandbox]:
    """A sandbox with less patience."""
    with ProcessSandbox(VerifySettings(timeout_s=1.5, memory_mib=512)) as started:
        yield started


@pytest.fixture
def sandbox_for(sandbox: ProcessSandbox, request: pytest.FixtureRequest) -> Callable[[str], ProcessSandbox]:
    return lambda name: request.getfixturevalue("hasty") if MANIFEST[name].get("slow") else sandbox


def _eager(code: str, rows: States, numbers: Mapping[str, float]) -> tuple[Tensor, dict[str, Tensor]]:
    """Run a program of our own benign corpus as plain Python."""
    scope: dict[str, Any] = {"__name__": "corpus"}
    plain = code.replace("@torch.jit.script\n", "").replace(" /,", "")  # called by name
    exec(compile(plain, "<corpus>", "exec"), scope)
    gated = gate.check(code)
    whole = {argument.name: int(numbers[argument.name]) for argument in gated.arguments if argument.kind == "int"}
    given: dict[str, Any] = {**numbers, **whole, **rows}
    names = [argument.name for argument in gated.arguments if argument.name in given]
    with contextlib.redirect_stdout(io.StringIO()):
        total, components = scope[gated.function](**{name: given[name] for name in names})
    return total, components


@pytest.mark.parametrize("name", _programs("benign"))
def test_benign_code_becomes_a_graph_equal_to_plain_python(
    name: str, task: Task, draft: Draft, sandbox: ProcessSandbox, states: States
) -> None:
    code = (CORPUS / name).read_text(encoding="utf-8")
    (attempt,) = verify.gauntlet([draft(code)], task, sandbox, states)
    assert isinstance(attempt.outcome, Verified), attempt.outcome
    for count in (7, 64, 256):  # plain Python is not always right for one row; the graph is
        rows = {name: value[:count].clone() for name, value in states.items()}
        total, components = attempt.outcome.graph(rows)
        expected, parts = _eager(code, {name: value.clone() for name, value in rows.items()}, task.numbers())
        assert torch.allclose(total, expected.float(), atol=2e-6)
        assert list(components) == list(parts)
        for component, value in components.items():
            assert torch.allclose(value, parts[component].float(), atol=2e-6)
    one, _ = attempt.outcome.graph({name: value[:1] for name, value in states.items()})
    assert torch.allclose(one, total[:1], atol=2e-6)


@pytest.mark.parametrize("name", _programs("buggy"))
def test_buggy_code_is_told_what_is_wrong_with_it(
    name: str, task: Task, draft: Draft, states: States, sandbox_for: Callable[[str], ProcessSandbox]
) -> None:
    expected = MANIFEST[name]
    (attempt,) = verify.gauntlet([draft((CORPUS / name).read_text("utf-8"))], task, sandbox_for(name), states)
    told = _told(attempt)
    assert told.startswith(expected.get("stage", expected["expect"]))
    assert expected["says"] in told
    assert f", line {expected['line']}\n" in told if "line" in expected else True
    golden = GOLDEN / f"{Path(name).stem}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(told, encoding="utf-8")
    assert told == golden.read_text(encoding="utf-8"), "if the new words are better: UPDATE_GOLDEN=1 pytest ..."


def _told(attempt: Attempt) -> str:
    outcome = attempt.outcome
    if isinstance(outcome, Rejected):
        return f"{outcome.stage}, line {outcome.line}\n{outcome.reason}\n{outcome.hint}\n"
    assert isinstance(outcome, Verified)
    return "".join(f"warning\n{warning}\n" for warning in outcome.warnings)


def test_renaming_and_comments_do_not_change_the_hash(task: Task, draft: Draft, sandbox: ProcessSandbox) -> None:
    first = (
        "import torch\ndef compute_reward(x_velocity, torso_height):\n"
        "    a = x_velocity * 2\n    return a + torso_height, {'a': a}"
    )
    second = (
        '"""Runs."""\nimport torch as t\n\ndef double(v):\n    return v * 2  # twice\n\n'
        "def compute_reward(torso_height, x_velocity):\n    speed = double(x_velocity)\n"
        "    unused = t.exp(speed)\n    return speed + torso_height, {'a': speed}"
    )
    attempts = verify.compile([draft(first), draft(second)], task, sandbox)
    one, two = (attempt.outcome.graph for attempt in attempts if isinstance(attempt.outcome, Verified))
    assert one == two


def test_a_sandbox_that_lies_is_refused(task: Task, draft: Draft) -> None:
    class Liar:
        name = "liar"

        def trace(self, codes: object, *, signals: object, constants: object) -> list[str | Rejected]:  # noqa: ARG002
            return ['{"verdict": "ok"}']

        def probe(self, graphs: object, *, states: object, units: object) -> list[tuple[str, ...] | Rejected]:  # noqa: ARG002
            return [()]

        def close(self) -> None: ...

    (attempt,) = verify.compile([draft("")], task, Liar())
    assert isinstance(attempt.outcome, Rejected)
    assert attempt.outcome.reason.startswith("The traced reward was refused: expected an object with the fields")


def test_every_rejection_has_its_golden_words() -> None:
    names = {Path(name).stem for name in MANIFEST if name.startswith("buggy/")}
    assert {path.stem for path in GOLDEN.glob("*.txt")} == names


def test_no_verdict_speaks_of_what_a_locked_worker_could_not_load() -> None:
    """Then a part of torch would have been imported too late, and the fault be ours; see the zygote's warm-up."""
    ours = re.compile(r"PermissionError|ModuleNotFoundError|FileNotFoundError|ImportError|Operation not permitted")
    assert [path.stem for path in GOLDEN.glob("*.txt") if ours.search(path.read_text(encoding="utf-8"))] == []


def test_manifest_and_folders_agree() -> None:
    found = {f"{path.parent.name}/{path.name}" for folder in FIELDS for path in (CORPUS / folder).glob("*.py")}
    assert found == set(MANIFEST)
    assert len(found) >= 120
    for name, entry in MANIFEST.items():
        assert set(entry) - {"slow", "stage", "line"} == FIELDS[name.partition("/")[0]], name
        assert entry.get("expect") != "rejected" or entry["stage"] in ("static", "compile", "probe")
