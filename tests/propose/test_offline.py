"""The proposer without a model: what it writes runs, keeps the contract, is honest, and answers what it is told."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rewardsmith import taskfile, verify
from rewardsmith.errors import ProposerError
from rewardsmith.interfaces import Brief, Request, Sandbox
from rewardsmith.propose.offline import OPENING, OfflineProposer
from rewardsmith.propose.rendering import read
from rewardsmith.types import (
    Attempt,
    Candidate,
    Constant,
    Curve,
    Drafted,
    EnvSpec,
    Judged,
    Measure,
    Note,
    Outcome,
    Policy,
    Prompt,
    References,
    Rejected,
    Score,
    Signal,
    Task,
    Trained,
    Verified,
)

EMPTY = Prompt(messages=(), sha256="")
FENCE = re.compile(r"```python\n(.*?)```", re.DOTALL)


class NoStore:
    """A reply store that must not be needed."""

    def get(self, key: str) -> None:
        raise AssertionError(key)

    def sent(self, key: str, *, request: object) -> None:
        raise AssertionError(key, request)

    def put(self, key: str, reply: object) -> None:
        raise AssertionError(key, reply)


def signal(name: str, shape: tuple[int, ...] = (), unit: str = "1", doc: str = "") -> Signal:
    return Signal(name=name, shape=shape, unit=unit, doc=doc, source=f"info.{name}")


def make_task(goal: str, *signals: Signal) -> Task:
    return Task(
        name="made_up",
        goal=goal,
        env=EnvSpec(backend="envpool", id="MadeUp-v1"),
        signals=signals,
        fitness=Measure(source="info.secret", reduce="mean"),
        success=None,
        references=References(),
        episode_steps=100,
        control_dt_s=0.05,
    )


RUN = make_task(
    "Run forward as fast as possible.",
    signal("x_velocity", (), "m/s", "forward speed of the torso"),
    signal("torso_pitch", (), "rad", "0 is level"),
    signal("joint_velocities", (6,), "rad/s"),
    signal("action", (6,)),
)
DOOR = make_task(
    "Reach the handle with the hand and pull the door open.",
    signal("hand_position", (3,), "m"),
    signal("handle_position", (3,), "m"),
    signal("goal_position", (3,), "m"),
    signal("action", (4,)),
)
BALANCE = make_task(
    "Keep the pole balanced upright.",
    signal("pole_angle", (), "rad", "0 is upright"),
    signal("cart_position", (1,), "m"),
    signal("action", (1,)),
)
HUMAN = """import torch


def compute_reward(x_velocity: torch.Tensor, action: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    speed = 2.0 * x_velocity  # by hand
    return speed, {"speed": speed}
"""


def ask(brief: Brief, *, index: int = 0, seed: int = 0) -> str:
    request = Request(candidate_id="g001-00", prompt=EMPTY, brief=brief, index=index, seed=seed)
    return OfflineProposer().propose([request], store=NoStore())[0].text


def code_in(text: str) -> str:
    (code,) = FENCE.finditer(text)
    return str(code[1])


def write(brief: Brief, *, index: int = 0, seed: int = 0) -> str:
    return code_in(ask(brief, index=index, seed=seed))


def run(code: str, task: Task, *, num_envs: int = 7) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    namespace: dict[str, object] = {}
    exec(compile(code, "candidate.py", "exec"), namespace)  # our own code, not a model's
    return namespace["compute_reward"](**inputs(code, task, num_envs))  # type: ignore[no-any-return,operator]


def inputs(code: str, task: Task, num_envs: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(num_envs)
    entry = next(f for f in ast.parse(code).body if isinstance(f, ast.FunctionDef) and f.name == "compute_reward")
    shapes = {s.name: s.shape for s in task.signals}
    names = [a.arg for a in entry.args.args]
    return {n: 5 * torch.randn(num_envs, *shapes[n.removeprefix("prev_")], generator=generator) for n in names}


def assert_keeps_the_contract(code: str, task: Task) -> None:
    roots = {a.name for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Import) for a in n.names}
    assert roots == {"torch"}
    assert not any(isinstance(n, ast.If | ast.For | ast.While | ast.ImportFrom) for n in ast.walk(ast.parse(code)))
    for num_envs in (1, 7, 64):
        before = inputs(code, task, num_envs)
        total, components = run(code, task, num_envs=num_envs)
        for value in (total, *components.values()):
            assert value.shape == (num_envs,)
            assert value.dtype == torch.float32
            assert torch.isfinite(value).all()
        assert components
        assert all(re.fullmatch(r"[A-Za-z_]\w{0,47}", name) for name in components)
        left = list(components.values())
        assert torch.equal(total, sum(left[1:], start=left[0]))
        assert all(torch.equal(v, before[k]) for k, v in inputs(code, task, num_envs).items())


def attempt(code: str, outcome: Outcome, *, name: str = "g001-00") -> Attempt:
    return Attempt(
        candidate=Candidate(id=name, code=code, sha256="", origin="offline", model="offline"), outcome=outcome
    )


def judged(mean: float = 1.0, /, **curves: Sequence[float]) -> Judged:
    """A judged outcome; `c__name` is the curve of component `name`."""
    named = {k.replace("c__", "component/"): tuple(v) for k, v in curves.items()}
    lines = tuple(Curve(name=k, env_steps=tuple(range(len(v))), values=v) for k, v in named.items())
    trained = Trained(verified=None, policy=Policy(tensors={}), curves=lines, env_steps=1000, seconds=1.0)
    score = Score(episodes=(mean,), mean=mean, ci95=0.1, success_rate=None, success_ci95=None, mean_length=100.0)
    return Judged(trained=trained, score=score)


RISING = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]


# --- what is written ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", [RUN, DOOR, BALANCE])
@pytest.mark.parametrize("index", range(16))
def test_every_first_offspring_keeps_the_contract(task: Task, index: int) -> None:
    assert_keeps_the_contract(write(Brief(task=task), index=index), task)


@pytest.mark.parametrize("name", taskfile.names())
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**63), index=st.integers(0, 40))
def test_every_shipped_task_gets_rewards_that_keep_the_contract(name: str, seed: int, index: int) -> None:
    task = taskfile.load(name).task
    first = write(Brief(task=task), index=index, seed=seed)
    parent = attempt(first, judged(fitness=RISING))
    second = write(Brief(task=task, turns=(parent,)), index=index, seed=seed)
    for code in (first, second):
        assert_keeps_the_contract(code, task)
        assert verify.static([attempt(code, Drafted())], task)[0].outcome == Drafted()


@pytest.mark.parametrize(
    ("name", "aims"),
    [
        ("half_cheetah_run", ["more_x_velocity"]),
        ("hopper_hop", ["more_x_velocity", "alive"]),
        ("inverted_pendulum_balance", ["near_pole_angle"]),
        ("reacher_reach", ["near_to_target"]),
        ("door_open", ["near_hand_to_handle", "more_door_angle"]),
        ("drawer_open", ["near_hand_to_handle", "near_handle_to_goal"]),
    ],
)
def test_the_first_guess_for_a_shipped_task_is_a_sensible_one(name: str, aims: list[str]) -> None:
    code = write(Brief(task=taskfile.load(name).task))
    assert [aim for aim in aims if f'"{aim}": {aim},' in code] == aims


WORDS = """x_velocity hand_pos target_pos cube_position door_angle height action effort_x total torch lambda alive
    gap_to_goal prev more_height handle_distance success state"""
NAMES = st.sampled_from(WORDS.split())
SIGNALS = st.builds(
    signal,
    NAMES,
    st.sampled_from([(), (1,), (2,), (3,), (6,), (2, 3), (1, 1), (0,)]),
    st.sampled_from(["m", "m/s", "rad", "rad/s", "1", '"""', "N m\n"]),
    st.sampled_from(["", "forward", "distance to the goal"]),
)
GOALS = st.sampled_from(
    [
        "Run forward fast.",
        "Open the door, then lift the cube.",
        "Stand upright; do not fall.",
        'Say """ and ```\n\\ x.',
        "",
        "Spin.",
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    goal=GOALS,
    signals=st.lists(SIGNALS, min_size=1, max_size=6, unique_by=lambda s: s.name),
    seed=st.integers(0, 2**32),
    index=st.integers(0, 20),
)
def test_made_up_tasks_get_rewards_for_generations(goal: str, signals: list[Signal], seed: int, index: int) -> None:
    task = make_task(goal, *signals)
    brief = Brief(task=task)
    try:
        code = write(brief, index=index, seed=seed)
    except ProposerError:
        spoken = [s for s in signals if s.name not in ("torch", "lambda", "total", "action") and s.shape != (0,)]
        assert not spoken
        return
    for generation in range(3):
        assert_keeps_the_contract(code, task)
        assert read(code, task) is not None
        parent = attempt(code, judged(float(generation), fitness=RISING))
        code = write(replace(brief, turns=(parent,)), index=index, seed=seed + generation)


def test_the_same_request_is_answered_the_same() -> None:
    brief = Brief(task=DOOR, turns=(attempt(write(Brief(task=DOOR)), judged(fitness=RISING)),))
    assert ask(brief, index=3, seed=7) == ask(brief, index=3, seed=7)
    assert ask(brief, index=3, seed=7) != ask(brief, index=3, seed=8)


def test_a_first_generation_holds_sixteen_different_structures() -> None:
    genomes = [read(write(Brief(task=RUN), index=i, seed=i), RUN) for i in range(16)]
    assert len({g.keys for g in genomes if g is not None}) == 16


def test_several_requests_are_answered_in_order() -> None:
    requests = [
        Request(candidate_id=f"g001-0{i}", prompt=EMPTY, brief=Brief(task=RUN), index=i, seed=i) for i in range(4)
    ]
    texts = [r.text for r in OfflineProposer().propose(requests, store=NoStore())]
    assert texts == [ask(Brief(task=RUN), index=i, seed=i) for i in range(4)]


def test_the_likeliest_first_guess_serves_the_goal() -> None:
    run_first, door_first = write(Brief(task=RUN)), write(Brief(task=DOOR))
    assert "more_x_velocity_weight = 1.0" in run_first
    assert "hand_position - handle_position" in door_first
    assert "handle_position - goal_position" in door_first
    assert "near_pole_angle" in write(Brief(task=BALANCE))


def test_a_task_with_nothing_to_reward_is_refused_with_what_it_declares() -> None:
    task = make_task("Run.", signal("action", (3,)))
    with pytest.raises(ProposerError, match=r"needs a signal besides the action.*declares: action \(3,\)"):
        write(Brief(task=task))


def test_a_reward_traces_for_any_number_of_environments() -> None:
    code = write(Brief(task=DOOR), index=6)
    namespace: dict[str, object] = {}
    exec(code, namespace)

    class Module(torch.nn.Module):
        def forward(self, arguments: dict[str, torch.Tensor]) -> object:
            return namespace["compute_reward"](**arguments)  # type: ignore[operator]

    sample = inputs(code, DOOR, 8)
    rows = torch.export.Dim("rows", min=1)
    program = torch.export.export(Module(), (sample,), dynamic_shapes=({k: {0: rows} for k in sample},), strict=False)
    wide = inputs(code, DOOR, 33)
    assert torch.equal(program.module()(wide)[0], run(code, DOOR, num_envs=33)[0])


# --- honesty --------------------------------------------------------------------------------------------------------


def test_every_reply_opens_by_saying_that_no_model_wrote_it() -> None:
    parent = attempt(write(Brief(task=RUN)), judged(fitness=RISING))
    human = attempt(HUMAN, judged(fitness=RISING))
    for turns in ((), (parent,), (human,)):
        for index in range(8):
            assert ask(Brief(task=RUN, turns=turns), index=index).startswith(OPENING)


class Sealed(Signal):
    """A signal whose source must not be read."""

    def __getattribute__(self, name: str) -> object:
        assert name != "source", "the source was read"
        return super().__getattribute__(name)


class SealedTask(Task):
    """A task whose fitness, success, references and environment must not be read."""

    def __getattribute__(self, name: str) -> object:
        assert name not in ("fitness", "success", "references", "env"), f"{name} was read"
        return super().__getattribute__(name)


def sealed(task: Task) -> Task:
    signals = tuple(Sealed(name=s.name, shape=s.shape, unit=s.unit, doc=s.doc, source=s.source) for s in task.signals)
    return SealedTask(
        name=task.name,
        goal=task.goal,
        env=task.env,
        signals=signals,
        fitness=task.fitness,
        success=task.success,
        references=task.references,
        episode_steps=task.episode_steps,
        control_dt_s=task.control_dt_s,
    )


@pytest.mark.parametrize("index", range(8))
def test_sources_fitness_and_references_are_never_read(index: int) -> None:
    code = write(Brief(task=RUN), index=index)
    parent = attempt(code, judged(fitness=RISING, c__more_x_velocity=RISING))
    for turns in ((), (parent,), (attempt(HUMAN, judged()),)):
        open_brief = Brief(task=RUN, turns=turns, siblings=(parent,))
        assert ask(open_brief, index=index) == ask(replace(open_brief, task=sealed(RUN)), index=index)


# --- improving ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", [RUN, DOOR, BALANCE])
def test_offspring_of_one_parent_differ_from_it_and_from_each_other(task: Task) -> None:
    parent = attempt(write(Brief(task=task)), judged(fitness=RISING))
    codes = [write(Brief(task=task, turns=(parent,)), index=i, seed=i) for i in range(8)]
    assert len({parent.candidate.code, *codes}) == 9


def test_offspring_of_a_single_term_differ_from_each_other() -> None:
    bare = next(c for i in range(16) if len(read(c := write(Brief(task=RUN), index=i), RUN).terms) == 1)  # type: ignore[union-attr]
    brief = Brief(task=RUN, turns=(attempt(bare, judged(fitness=RISING)),))
    structures = {read(write(brief, index=i, seed=i), RUN).keys for i in range(8)}  # type: ignore[union-attr]
    assert len(structures) >= 6


def test_a_faded_component_gets_a_higher_temperature_and_the_reply_says_why() -> None:
    parent = attempt(
        write(Brief(task=DOOR)),
        judged(
            fitness=RISING,
            c__near_handle_to_goal=[0.001 * v for v in RISING],
            c__near_hand_to_handle=[0.5 * v for v in RISING],
            c__effort_action=[-v for v in reversed(RISING)],
        ),
    )
    text = ask(Brief(task=DOOR, turns=(parent,)))
    assert "Component 'near_handle_to_goal' stayed below 2% of its weight" in text
    assert "near_handle_to_goal_temperature = 0.6  # m" in text
    assert "near_hand_to_handle_temperature = 0.2  # m" in text


def test_what_the_goal_asks_for_is_not_dropped_for_standing_still() -> None:
    still = {"c__near_handle_to_goal": [0.5] * 10, "c__near_hand_to_handle": RISING, "c__effort_action": [-0.04] * 10}
    parent = attempt(write(Brief(task=DOOR)), judged(fitness=RISING, **still))
    text = ask(Brief(task=DOOR, turns=(parent,)))
    assert "'near_handle_to_goal' hardly changed" not in text
    assert (
        "Component 'effort_action' hardly changed in all of the training, so the effort term on action was dr" in text
    )


def test_a_component_that_moves_against_fitness_is_turned_round() -> None:
    parent = attempt(
        write(Brief(task=RUN)), judged(fitness=RISING, c__more_x_velocity=RISING[::-1], c__effort_action=RISING)
    )
    text = ask(Brief(task=RUN, turns=(parent,)))
    assert "moved against fitness (correlation -1.00)" in text
    assert "less_x_velocity_weight = -1.0" in text


def test_a_dominating_component_is_scaled_down_but_costs_do_not_count() -> None:
    code = write(Brief(task=DOOR))
    small = {"c__near_hand_to_handle": [0.05 * v for v in RISING], "c__effort_action": [-0.001 * v for v in RISING]}
    parent = attempt(code, judged(fitness=RISING, c__near_handle_to_goal=[2 * v for v in RISING], **small))
    assert "near_handle_to_goal_weight = 0.4" in write(Brief(task=DOOR, turns=(parent,)))
    level = {"c__near_hand_to_handle": RISING, "c__effort_action": [-0.001 * v for v in reversed(RISING)]}
    balanced = attempt(code, judged(fitness=RISING, c__near_handle_to_goal=RISING, **level))
    assert "times as large" not in ask(Brief(task=DOOR, turns=(balanced,)))


def test_early_ends_bring_a_reward_for_every_step() -> None:
    falls = make_task("Run forward.", *RUN.signals)
    code = write(Brief(task=falls))
    assert "alive" not in code
    parent = attempt(code, judged(fitness=RISING, episode_length=[20.0] * 10))
    assert "alive_weight = 1.0" in write(Brief(task=falls, turns=(parent,)))


def test_flat_fitness_is_said_and_changes_the_structure() -> None:
    code = write(Brief(task=DOOR))
    parent = attempt(code, judged(fitness=[0.5, 0.4] * 5))
    texts = [ask(Brief(task=DOOR, turns=(parent,)), index=i, seed=i) for i in range(6)]
    assert all("Fitness hardly rose" in t for t in texts)
    structures = {g.keys for t in texts if (g := read(code_in(t), DOOR)) is not None}
    assert len(structures - {read(code, DOOR).keys}) >= 3  # type: ignore[union-attr]


def test_terms_of_the_best_sibling_are_taken_over() -> None:
    mate = attempt(write(Brief(task=RUN), index=9), judged(5.0), name="g001-05")
    poor = attempt(write(Brief(task=RUN), index=10), judged(-5.0), name="g001-06")
    parent = attempt(write(Brief(task=RUN)), judged(6.0, fitness=RISING))
    brief = Brief(task=RUN, turns=(parent,), siblings=(poor, mate))
    texts = [ask(brief, index=i, seed=i) for i in range(7)]
    assert any("Taken over from g001-05" in t for t in texts)
    assert not any("Taken over from g001-06" in t for t in texts)


def test_an_attempt_already_made_is_not_made_again() -> None:
    parent = attempt(write(Brief(task=RUN)), judged(fitness=RISING))
    first = write(Brief(task=RUN, turns=(parent,)), index=1, seed=3)
    again = write(Brief(task=RUN, turns=(parent,), siblings=(attempt(first, judged(0.0)),)), index=1, seed=3)
    assert again != first


def test_a_note_asking_for_less_of_a_signal_is_granted() -> None:
    note = Note(text="Please avoid such high joint velocities!", on="", who="ada", when="now")
    parent = attempt(write(Brief(task=RUN)), judged(fitness=RISING))
    text = ask(Brief(task=RUN, turns=(parent,), people=(note,)))
    assert 'A note says "Please avoid such high joint velocities!"' in text
    assert "less_joint_velocities_weight = -0.01" in text


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("x velocity is too low, raise it", 1),
        ("not a high enough x velocity; more!", 1),
        ("do not stop: increase x_velocity", 1),
        ("Please don't reduce x_velocity", 1),
        ("it doesn't hop and x_velocity should be higher", 1),
        ("reward x_velocity too", 1),
        ("x_velocity is too high", -1),
        ("avoid too high x velocity", -1),
        ("reward less x_velocity", -1),
        ("do not reward more x_velocity", -1),
        ("more x_velocity, lower torso_pitch", 0),
        ("x_velocity is not too low", 0),
        ("it does not hop with higher x_velocity", 0),
        ("x_velocity is not smooth", 0),
    ],
)
def test_a_note_is_granted_as_it_is_meant_or_not_at_all(words: str, asked: int) -> None:
    note = Note(text=words, on="", who="ada", when="now")
    parent = attempt(write(Brief(task=RUN)), judged(fitness=RISING))
    assert "more_x_velocity_weight = 1.0" in parent.candidate.code
    text = ask(Brief(task=RUN, turns=(parent,), people=(note,)))
    assert ("A note says" in text) == bool(asked)
    told = {1: "more_x_velocity_weight = 2.0", -1: "less_x_velocity_weight = -1.0", 0: OPENING}
    assert told[asked] in text


def test_a_name_within_the_name_that_a_note_says_is_not_asked_for() -> None:
    task = make_task("Run forward.", *RUN.signals, signal("velocity", (), "m/s"), signal("max_x_velocity", (), "m/s"))
    note = Note(text="more x_velocity please", on="", who="ada", when="now")
    parent = attempt(write(Brief(task=task)), judged(fitness=RISING))
    text = ask(Brief(task=task, turns=(parent,), people=(note,)))
    assert text.count("A note says") == 1
    assert "so the reward now rewards x_velocity." in text


# --- rewards by others ----------------------------------------------------------------------------------------------


def test_a_foreign_reward_is_kept_and_built_on() -> None:
    parent = attempt(HUMAN, judged(fitness=RISING))
    for index in range(7):
        code = write(Brief(task=RUN, turns=(parent,)), index=index)
        total, components = run(code, RUN)
        assert "speed = 2.0 * x_velocity  # by hand" in code
        assert len(components) == 2
        assert torch.allclose(total, torch.stack(list(components.values())).sum(dim=0))
        assert_keeps_the_contract(code, RUN)


def test_a_foreign_reward_with_numbers_of_the_task_and_defaults_is_built_on(sandbox: Sandbox) -> None:
    task = replace(RUN, constants=(Constant(name="top_speed", value=4.0),))
    asked = "prev_x_velocity: torch.Tensor, top_speed: float, k=3.0, dt: float = 1.0"
    code = HUMAN.replace("action: torch.Tensor", asked).replace(
        "2.0 * x_velocity", "k * (x_velocity - prev_x_velocity) / dt / top_speed"
    )
    parent = attempt(code, judged(fitness=RISING))
    child = write(Brief(task=task, turns=(parent,)))
    assert "base_reward(x_velocity, prev_x_velocity, top_speed, dt=dt)" in child
    grandchild = write(Brief(task=task, turns=(attempt(child, judged(fitness=RISING)),)), index=1)
    drafts = [attempt(each, Drafted()) for each in (child, grandchild)]
    for each in verify.compile(verify.static(drafts, task), task, sandbox):
        assert isinstance(each.outcome, Verified)
        given = {name: torch.tensor([3.0]) for name in each.outcome.graph.inputs if name != "action"}
        given |= {"prev_x_velocity": torch.tensor([2.0]), "action": torch.ones(1, 6)}
        _, components = each.outcome.graph({name: given[name] for name in each.outcome.graph.inputs})
        assert components["speed"].item() == pytest.approx(3.0 * 1.0 / 0.05 / 4.0)


def test_a_reward_built_on_is_read_back_and_improved_further() -> None:
    parent = attempt(HUMAN, judged(fitness=RISING))
    child = write(Brief(task=RUN, turns=(parent,)))
    for index in range(7):
        grandchild = write(Brief(task=RUN, turns=(attempt(child, judged(fitness=RISING)),)), index=index)
        assert grandchild != child
        assert grandchild.count("speed = 2.0 * x_velocity  # by hand") == 1
        assert_keeps_the_contract(grandchild, RUN)


def test_a_number_edited_by_hand_is_read_as_it_stands_and_worked_on_from_there() -> None:
    edited = write(Brief(task=RUN)).replace("more_x_velocity_weight = 1.0", "more_x_velocity_weight = 1.25")
    genome = read(edited, RUN)
    assert genome is not None
    assert genome.terms[0].weight == 1.25  # not the 1.0 that the comment says
    brief = Brief(task=RUN, turns=(attempt(edited, judged(fitness=RISING)),))
    assert "it went from 1.25 to" in ask(brief, index=0)
    added = write(brief, index=1)
    assert "more_x_velocity_weight = 1.25" in added
    assert_keeps_the_contract(added, RUN)


def test_a_reward_of_its_own_that_a_refit_turned_round_is_worked_on_and_called_by_what_it_is() -> None:
    turned = write(Brief(task=RUN)).replace("more_x_velocity_weight = 1.0", "more_x_velocity_weight = -0.3")
    outcome = judged(fitness=RISING, c__more_x_velocity=[-0.3 * v for v in RISING])
    text = ask(Brief(task=RUN, turns=(attempt(turned, outcome),)))
    assert "Component 'more_x_velocity' moved against fitness" in text
    code = code_in(text)
    assert "base_reward" not in code
    assert "more_x_velocity_weight = 0.3" in code
    assert_keeps_the_contract(code, RUN)


@pytest.mark.parametrize(
    ("line", "edit"),
    [
        ("more_x_velocity = more_x_velocity_weight * x_velocity", "more_x_velocity = 0.5 * x_velocity.abs()"),
        ("more_x_velocity_weight = 1.0", "more_x_velocity_weight = 1e7"),  # no weight the search would give it
    ],
)
def test_any_other_edit_makes_a_reward_foreign_and_is_kept(line: str, edit: str) -> None:
    written = write(Brief(task=RUN))
    assert line in written
    edited = written.replace(line, edit)
    assert read(edited, RUN) is None
    code = write(Brief(task=RUN, turns=(attempt(edited, judged(fitness=RISING)),)))
    assert edit in code
    assert_keeps_the_contract(code, RUN)


def test_a_rejected_foreign_reward_is_not_built_on() -> None:
    rejected = Rejected(stage="probe", reason="Not finite.", hint="")
    code = write(Brief(task=RUN, turns=(attempt(HUMAN, rejected),)))
    assert "base_reward" not in code
    assert_keeps_the_contract(code, RUN)


def test_foreign_code_that_is_not_plain_is_not_built_on() -> None:
    odd = "import torch\n\ndef compute_reward(x_velocity, **rest):\n    return x_velocity\n"
    text = ask(Brief(task=RUN, turns=(attempt(odd, judged(fitness=RISING)),)))
    assert "cannot be built on safely" in text
    assert_keeps_the_contract(code_in(text), RUN)


# --- repairs --------------------------------------------------------------------------------------------------------


def test_a_repair_leaves_out_the_component_the_rejection_names() -> None:
    rejected = Rejected(stage="probe", reason="Component 'near_hand_to_handle' is not finite.", hint="")
    text = ask(Brief(task=DOOR, rejected=rejected, draft=write(Brief(task=DOOR))))
    assert "its component 'near_hand_to_handle' is left out" in text
    assert "hand_position - handle_position" not in text
    assert_keeps_the_contract(code_in(text), DOOR)


@pytest.mark.parametrize("index", range(8))
def test_repairs_end_in_a_single_sound_term(index: int) -> None:
    rejected = Rejected(stage="probe", reason="The total is constant.", hint="")
    draft = write(Brief(task=BALANCE), index=index)
    for _ in range(8):
        draft = write(Brief(task=BALANCE, rejected=rejected, draft=draft), index=index)
        assert_keeps_the_contract(draft, BALANCE)
    assert len(run(draft, BALANCE)[1]) == 1


def test_a_repair_without_a_draft_is_answered_anew() -> None:
    rejected = Rejected(stage="reply", reason="The reply held no code.", hint="")
    assert_keeps_the_contract(write(Brief(task=DOOR, rejected=rejected)), DOOR)


def test_a_rejected_parent_gets_simpler() -> None:
    code = write(Brief(task=DOOR))
    parent = attempt(code, Rejected(stage="train", reason="The loss is not finite.", hint=""))
    child = write(Brief(task=DOOR, turns=(parent,)))
    assert len(run(child, DOOR)[1]) == len(run(code, DOOR)[1]) - 1
