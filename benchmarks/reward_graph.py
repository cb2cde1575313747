"""What a reward costs as a graph, against the same reward as plain Python.

Claims: on rewards of about 70 operations the graph takes <= 1.3x the time of plain Python at 64 rows, and is not slower
at 4096. Measured as well: shorter and longer rewards, the benign corpus of the tests, `RewardGraph.compiled()` on the
longer ones with what making it costs, and reading a graph with all its checks.

The sides are interleaved on one torch thread. Times are medians over rounds, ratios are medians of each round's ratio.
Every reward is checked to give the same on all sides. Longer rewards are joined from terms as language models write
them. All are ours, so they are traced, and run as plain Python, in this process.

Run: `python benchmarks/reward_graph.py [--rounds 31] [--out FILE]`.
"""

from __future__ import annotations

import argparse
import ast
import statistics
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import torch
from _machine import machine, write
from torch import Tensor

from rewardsmith.graph import RewardGraph
from rewardsmith.sandbox import gate, tracing

CORPUS = Path(__file__).parents[1] / "tests" / "corpus" / "benign"
ROWS = {64: 40, 4096: 10}  # calls timed in a round, by number of rows
SIZES = (20, 70, 150)  # operations of the rewards written here
SEEDS = 4
SIGNALS: dict[str, tuple[int, ...]] = {
    "torso_height": (),
    "x_velocity": (),
    "torso_quat": (4,),
    "hand_pos": (3,),
    "goal_pos": (3,),
    "hand_to_goal_dist": (),
    "joint_vel": (6,),
    "foot_pos": (4, 3),
    "action": (6,),
}
SIGNALS |= {f"prev_{name}": shape for name, shape in SIGNALS.items()} | {"episode_progress": ()}
NUMBERS = {"dt": 0.02, "cruise_speed": 1.5, "legs": 4.0}

Inputs = Mapping[str, Tensor]
Reward = Callable[[Inputs], tuple[Tensor, Mapping[str, Tensor]]]

# One idiom each, as found in rewards that language models write; {a}, {b} are numbers.
TERMS = (
    "torch.exp(-torch.norm(hand_pos - goal_pos, dim=-1) / {a})",
    "1.0 - torch.tanh(hand_to_goal_dist / {a})",
    "-{a} * torch.sum(action ** 2, dim=-1)",
    "-{a} * torch.norm(action - prev_action, dim=-1)",
    "{a} * (prev_hand_to_goal_dist - hand_to_goal_dist)",
    "torch.clamp(x_velocity, 0.0, 5.0 * {a})",
    "torch.exp(-torch.square(x_velocity - {a}) / (2 * {b} ** 2))",
    "torch.where(torso_height > {a}, torch.ones_like(torso_height), torch.zeros_like(torso_height))",
    "torch.where(hand_to_goal_dist < {a}, {b}, 0.0)",
    "(hand_to_goal_dist < {a}).float() * {b}",
    "1.0 - 2.0 * (torso_quat[:, 1] ** 2 + torso_quat[:, 2] ** 2)",
    "-{a} * torch.abs(torch.atan2(2.0 * (torso_quat[:, 0] * torso_quat[:, 3] + torso_quat[:, 1] * torso_quat[:, 2]), "
    "1.0 - 2.0 * (torso_quat[:, 2] ** 2 + torso_quat[:, 3] ** 2)))",
    "-{a} * torch.std(foot_pos[:, :, 2], dim=-1)",
    "-torch.min(torch.norm(foot_pos - hand_pos.unsqueeze(1), dim=-1), dim=-1).values",
    "sum(-{a} * torch.clamp(torch.abs(joint_vel[:, j]) - {b}, min=0.0) for j in range(6))",
    "torch.stack([x_velocity, torso_height, -hand_to_goal_dist], dim=-1).mean(dim=-1)",
    "{a} * torch.sigmoid(10.0 * (torso_height - {b})) * x_velocity",
    "torch.nn.functional.cosine_similarity(goal_pos - hand_pos, goal_pos - prev_hand_pos + 1e-6, dim=-1)",
    "torch.cross(hand_pos, goal_pos, dim=-1)[:, 2] * {a}",
    "torch.nn.functional.normalize(goal_pos - hand_pos, dim=-1)[:, 0] * x_velocity",
    "-{a} * torch.clamp(torch.linalg.norm(foot_pos[:, :, :2], dim=-1).amax(dim=-1), max={b})",
    "torch.nn.functional.softplus(x_velocity) * (1.0 - episode_progress) - {a} * torch.abs(torso_height - {b})",
    "-{a} * torch.nn.functional.smooth_l1_loss(hand_pos, goal_pos, reduction='none').sum(dim=-1)",
    "1.0 / (1.0 + {a} * hand_to_goal_dist ** 2)",
)


def written(operations: int, seed: int) -> tuple[str, RewardGraph]:
    """A reward of about so many operations: terms in an order by chance, each a component."""
    random = Random(f"{operations} {seed}")
    order = [term for _ in range(10) for term in random.sample(TERMS, len(TERMS))]
    terms: list[str] = []
    left = operations
    for term in order:
        if (cost := _cost(term)) <= left + 2:
            terms.append(_with_numbers(term, random))
            left -= cost
        if left <= 2:
            break
    code = _function(terms)
    return code, traced(code)


@cache
def _cost(term: str) -> int:
    """How many operations a term adds: its own, and the sum."""
    return count(traced(_function([_with_numbers(term, Random(0))]))) + 1


def _with_numbers(term: str, random: Random) -> str:
    return term.format(**{name: round(random.uniform(0.1, 1.5), 2) for name in ("a", "b")})


def _function(terms: list[str]) -> str:
    used = [name for name in SIGNALS if any(name in _names(term) for term in terms)]
    lines = [f"    term_{k} = {term}" for k, term in enumerate(terms)]
    parts = ", ".join(f'"term_{k}": term_{k}' for k in range(len(terms)))
    total = " + ".join(f"term_{k}" for k in range(len(terms)))
    head = f"import torch\n\n\ndef compute_reward({', '.join(used)}):"
    return "\n".join([head, *lines, f"    return {total}, {{{parts}}}"])


def _names(expression: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(expression)) if isinstance(node, ast.Name)}


class NotAccepted(Exception):
    """Tracing has a fault to find with a reward of ours; there is no graph to measure."""


def traced(code: str) -> RewardGraph:
    """The graph of a reward of ours. Raises: NotAccepted."""
    text = tracing.trace(code, SIGNALS, NUMBERS)
    if not isinstance(text, str):
        raise NotAccepted(text)
    return RewardGraph.from_json(text, signals=SIGNALS)


def count(graph: RewardGraph) -> int:
    """Operations of a graph."""
    return graph.to_json().count('"op":')


def plain(code: str) -> Reward:
    """A reward of ours as the Python it is, without gradients."""
    scope: dict[str, Any] = {"__name__": "reward"}
    exec(compile(code.replace("@torch.jit.script\n", "").replace(" /,", ""), "<reward>", "exec"), scope)
    gated = gate.check(code)
    names = [argument.name for argument in gated.arguments]
    numbers = {
        a.name: int(NUMBERS[a.name]) if a.kind == "int" else NUMBERS[a.name]
        for a in gated.arguments
        if a.name in NUMBERS
    }
    signals = [name for name in names if name in SIGNALS]
    function = scope[gated.function]

    def reward(inputs: Inputs) -> tuple[Tensor, Mapping[str, Tensor]]:
        with torch.no_grad():
            result: tuple[Tensor, Mapping[str, Tensor]] = function(**{n: inputs[n] for n in signals}, **numbers)
            return result

    return reward


def inputs_of(rows: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(rows)
    return {name: torch.randn((rows, *shape), generator=generator) for name, shape in SIGNALS.items()}


def timed(sides: Mapping[str, Reward], rows: int, rounds: int) -> dict[str, list[float]]:
    """Microseconds a call of each side in every round, one side after the other."""
    inputs, calls = inputs_of(rows), ROWS[rows]
    found: dict[str, list[float]] = {name: [] for name in sides}
    for round_index in range(rounds + 1):  # the first round warms up
        for name, side in sides.items():
            started = time.perf_counter()
            for _ in range(calls):
                side(inputs)
            if round_index:
                found[name].append((time.perf_counter() - started) / calls * 1e6)
    return found


def check(sides: Mapping[str, Reward]) -> None:
    """All sides must give the same."""
    inputs = inputs_of(64)
    expected, _ = sides["plain"](inputs)
    for name, side in sides.items():
        total, _ = side(inputs)
        if not torch.allclose(total.float(), expected.float(), rtol=1e-5, atol=1e-5, equal_nan=True):
            raise SystemExit(f"{name} gives another reward than plain Python")


def measured(code: str, graph: RewardGraph, rounds: int, *, compiled: bool) -> dict[str, float]:
    """Microseconds a call of each side and ratios by number of rows; seconds it took to make the compiled graph."""
    sides: dict[str, Reward] = {"graph": graph, "plain": plain(code)}
    found: dict[str, float] = {}
    if compiled:
        started = time.perf_counter()
        sides["compiled"] = graph.compiled()
        found["compile_s"] = time.perf_counter() - started
    check(sides)
    for rows in ROWS:
        times = timed(sides, rows, rounds)
        found |= {f"{name}_us_{rows}": statistics.median(values) for name, values in times.items()}
        for name in sides.keys() - {"plain"}:
            ratios = (ours / theirs for ours, theirs in zip(times[name], times["plain"], strict=True))
            found[f"{name}_ratio_{rows}"] = statistics.median(ratios)
    return found


def groups() -> Iterator[tuple[str, str, str, RewardGraph]]:
    """Group, name, code and graph of every reward measured."""
    for path in sorted(CORPUS.glob("*.py")):
        code = path.read_text()
        try:
            yield "corpus", path.stem, code, traced(code)
        except NotAccepted as fault:
            print(f"{path.stem}: not measured, for it is not accepted: {fault}")
    for operations in SIZES:
        for seed in range(SEEDS):
            yield f"{operations} operations", f"{operations} operations, {seed}", *written(operations, seed)


def reading_ms(graph: RewardGraph) -> float:
    """Median milliseconds of reading and checking a graph's text."""
    text, times = graph.to_json(), []
    for _ in range(15):
        started = time.perf_counter()
        RewardGraph.from_json(text, signals=SIGNALS)
        times.append((time.perf_counter() - started) * 1e3)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--out", default="")
    parser.add_argument("--no-compiled", action="store_true", help="leave torch.compile out: it takes seconds a reward")
    args = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # torch's exporter warns of itself
    results: list[Result] = []
    for group, name, code, graph in groups():
        compiled = not args.no_compiled and group == "70 operations"
        numbers = measured(code, graph, args.rounds, compiled=compiled)
        numbers |= {"operations": count(graph), "reading_ms": reading_ms(graph)}
        results.append(Result(group=group, name=name, numbers=numbers))
        print(results[-1], flush=True)
    summary = {group: summed_up([r for r in results if r.group == group]) for group in {r.group: 0 for r in results}}
    for group, numbers in summary.items():
        print(f"{group}: " + ", ".join(f"{key} {value:.2f}" for key, value in sorted(numbers.items())))
    rewards = [{"group": r.group, "name": r.name, **r.numbers} for r in results]
    write(args.out, {"rounds": args.rounds, "summary": summary, "rewards": rewards, "machine": machine()})


@dataclass(frozen=True, kw_only=True)
class Result:
    """What was measured of one reward; the numbers' names say their units."""

    group: str
    name: str
    numbers: Mapping[str, float]

    def __str__(self) -> str:
        n = self.numbers
        words = [f"{self.name:28s} {n['operations']:4.0f} operations, read in {n['reading_ms']:5.1f} ms"]
        for rows in ROWS:
            times = f"{n[f'graph_us_{rows}']:7.1f} / {n[f'plain_us_{rows}']:7.1f} us"
            words.append(f"N={rows}: {times} = {n[f'graph_ratio_{rows}']:.2f}")
            if "compile_s" in n:
                words.append(f"compiled {n[f'compiled_ratio_{rows}']:.2f}")
        return "  ".join(words)


def summed_up(results: list[Result]) -> dict[str, float]:
    """Medians over the rewards of a group, and the worst ratios."""
    found = {key: statistics.median(r.numbers[key] for r in results) for key in results[0].numbers}
    worst = {f"worst_{key}": max(r.numbers[key] for r in results) for key in found if "_ratio_" in key}
    return found | worst


if __name__ == "__main__":
    main()
