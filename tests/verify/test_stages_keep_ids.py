"""The law every stage obeys: a batch maps to the same ids in the same order, and what is settled is not touched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from rewardsmith import verify
from rewardsmith.graph import RewardGraph, allowed_inputs
from rewardsmith.types import Attempt, Drafted, Judged, Rejected, Score, Task, Trained, Verified
from rewardsmith.types import Policy as TrainedPolicy

Draft = Callable[..., Attempt]
Stage = Callable[[Sequence[Attempt]], tuple[Attempt, ...]]

GRAPH = (
    '{"version":1,"inputs":["x_velocity"],"unused":[],"constants":[],'
    '"nodes":[{"op":"mul.Tensor","args":[{"t":0},2.0],"kwargs":{}}],"total":{"t":1},"components":[["speed",{"t":1}]]}'
)
CONSTANT = GRAPH.replace('"mul.Tensor","args":[{"t":0},2.0]', '"gt.Scalar","args":[{"t":0},-1e30]').replace(
    '"total":{"t":1}', '"total":{"t":2}'
).replace('[["speed",{"t":1}]]', "[]").replace(
    '"kwargs":{}}]', '"kwargs":{}},{"op":"_to_copy","args":[{"t":1}],"kwargs":{"dtype":{"dtype":"float32"}}}]'
)  # fmt: skip
FINE = "def compute_reward(x_velocity):\n    return x_velocity * 2.0, {'speed': x_velocity * 2.0}"
CODES = (FINE, "import os", "not python", "def compute_reward(secret):\n    return secret, {}")


class _Told:
    """A sandbox that is told what each code traces to; nothing is run."""

    name = "told"

    def trace(self, codes: Sequence[str], *, signals: Mapping[str, tuple[int, ...]]) -> list[str | Rejected]:  # noqa: ARG002
        refused = Rejected(stage="compile", reason="no", hint="none")
        return [GRAPH if code == FINE else "garbage" if "secret" in code else refused for code in codes]

    def close(self) -> None: ...


def _outcomes(task: Task) -> dict[str, object]:
    signals = allowed_inputs(task)
    fine, constant = (Verified(graph=RewardGraph.from_json(text, signals=signals)) for text in (GRAPH, CONSTANT))
    trained = Trained(verified=fine, policy=TrainedPolicy(tensors={}), curves=(), env_steps=1, seconds=1.0)
    score = Score(episodes=(1.0,), mean=1.0, ci95=0.0, success_rate=None, success_ci95=None, mean_length=1.0)
    return {
        "drafted": Drafted(),
        "rejected": Rejected(stage="reply", reason="no code", hint="send code"),
        "verified": fine,
        "constant": constant,
        "trained": trained,
        "judged": Judged(trained=trained, score=score),
    }


def _stages(task: Task, states: Mapping[str, Tensor]) -> dict[str, tuple[Stage, type]]:
    """Each stage with the outcome it works on."""
    return {
        "static": (lambda batch: verify.static(batch, task), Drafted),
        "compile": (lambda batch: verify.compile(batch, task, _Told()), Drafted),
        "probe": (lambda batch: verify.probe(batch, task, states), Verified),
    }


_BATCHES = st.lists(
    st.tuples(
        st.sampled_from(("drafted", "rejected", "verified", "constant", "trained", "judged")), st.sampled_from(CODES)
    ),
    max_size=6,
)


@given(kinds=_BATCHES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_stage_keeps_ids_in_order_and_skips_what_is_settled(
    kinds: list[tuple[str, str]], task: Task, states: dict[str, Tensor], draft: Draft
) -> None:
    outcomes = _outcomes(task)
    batch = [
        replace(draft(code, id=f"g001-{i:02}"), outcome=outcomes[kind])  # type: ignore[arg-type]
        for i, (kind, code) in enumerate(kinds)
    ]
    for name, (stage, works_on) in _stages(task, states).items():
        after = stage(batch)
        assert [attempt.id for attempt in after] == [attempt.id for attempt in batch], name
        for before, now in zip(batch, after, strict=True):
            assert now.candidate == before.candidate
            if not isinstance(before.outcome, works_on):
                assert now is before, f"{name} touched a {type(before.outcome).__name__}"
            if isinstance(now.outcome, Rejected) and now is not before:
                assert now.outcome.stage == name


def test_stages_do_settle_what_is_theirs(task: Task, states: dict[str, Tensor], draft: Draft) -> None:
    batch = tuple(draft(code, id=f"g001-{i:02}") for i, code in enumerate(CODES))
    stages = [
        [type(attempt.outcome).__name__ for attempt in verify.static(batch, task)],
        [type(attempt.outcome).__name__ for attempt in verify.compile(batch, task, _Told())],
        [type(attempt.outcome).__name__ for attempt in verify.gauntlet(batch, task, _Told(), states)],
    ]
    assert stages == [
        ["Drafted", "Rejected", "Rejected", "Rejected"],
        ["Verified", "Rejected", "Rejected", "Rejected"],
        ["Verified", "Rejected", "Rejected", "Rejected"],
    ]
    constant = replace(batch[0], outcome=_outcomes(task)["constant"])  # type: ignore[arg-type]
    (probed,) = verify.probe([constant], task, states)
    assert isinstance(probed.outcome, Rejected)
    assert torch.get_num_threads() == 1
