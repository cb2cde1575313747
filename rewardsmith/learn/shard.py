"""A few candidates going through one leg of their training together, in one thread, on a simulator of their own.

Each worker has a simulator, so that physics and learning never wait for one another across candidates: while one
worker updates, the others step. Rewards are pure, so each is computed once a rollout, on all its rows.

Shapes: K candidates, T control steps a rollout, N environments a candidate, D observation numbers, A actions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Event

import torch
from torch import Tensor

from rewardsmith.config import TrainSettings
from rewardsmith.interfaces import Frame, Rollout, Simulator
from rewardsmith.learn.curves import Tally
from rewardsmith.learn.draws import Draws
from rewardsmith.learn.kinds import Group, group
from rewardsmith.learn.policy import Shape, scaled
from rewardsmith.learn.training import Training
from rewardsmith.readings import Readings
from rewardsmith.rollouts import Stepper, columns
from rewardsmith.seeds import child
from rewardsmith.types import Policy, Rejected, Task

TOO_LARGE = 1e15  # of a reward, whose discounted sums are squared in float32


class Shard:
    """`trainings` side by side in `simulator`, N environments each; the simulator is closed at the leg's end."""

    def __init__(
        self,
        trainings: Sequence[Training],
        task: Task,
        settings: TrainSettings,
        simulator: Simulator,
        *,
        shape: Shape,
        device: torch.device,
    ) -> None:
        self._trainings, self._settings, self._sim = trainings, settings, simulator
        self._readings, self._device = Readings(task), device
        self._stepper = Stepper(simulator, wanted=device)
        self._group: Group = group([t.state for t in trainings], shape, settings, device=device)
        self._tally = Tally(task, candidates=len(trainings), num_envs=settings.num_envs)

    @torch.no_grad()
    def run(self, first: int, rollouts: int, *, cancelled: Event, tell: Callable[[], None]) -> None:
        """Train for `rollouts` rollouts, the first of which is the candidates' `first`-th; `tell` after each."""
        try:
            for index in range(first, first + rollouts):
                if cancelled.is_set() or not any(t.going for t in self._trainings):
                    break
                self._train(index)
                tell()
        finally:
            self._sim.close()
            if self._stepper.device.type == "cuda":
                torch.cuda.empty_cache()  # Warp allocates for itself, and gets none of what torch keeps
        for k, training in enumerate(self._trainings):
            training.rest(self._group.state(k), self._policy(k))

    def _train(self, index: int) -> None:
        s = self._settings
        draws = Draws([child(t.seeds.draws, index) for t in self._trainings], device=self._device)
        acted = not self._group.warming
        rollout = self._collect(draws)
        taken = (index + 1) * s.num_envs * s.rollout_steps
        rewards, means = self._rewards(rollout, taken)
        ended = self._tally.update(rollout, self._readings, rewards)
        for k, training in enumerate(self._trainings):
            if training.record(ended[k], means[k], taken, acted=acted):
                training.keep_peak(self._policy(k))
        self._group.learn(rollout, self._readings.policy_states(rollout), rewards, draws)
        for k in self._group.broken():
            self._trainings[k].fault = self._trainings[k].fault or _exploded(taken // s.num_envs)

    def _collect(self, draws: Draws) -> Rollout:
        """T steps of all K * N environments; the action noise, `(T, N, A)`, is a seed's, not a candidate's."""
        s, count, on = self._settings, len(self._trainings), self._stepper.device
        low, high = self._sim.action_low.to(on), self._sim.action_high.to(on)
        size = (s.rollout_steps, s.num_envs, len(low))
        noise = draws.each(lambda stream: torch.randn(size, generator=stream, device=self._device))

        def act(t: int, frame: Frame) -> Tensor:
            obs = self._readings.policy_obs(frame).view(count, s.num_envs, -1)
            return scaled(self._group.act(obs, noise[:, t]).flatten(0, 1).to(on), low, high)

        self._group.begin_rollout()
        return self._stepper.collect(act, s.rollout_steps)

    def _policy(self, k: int) -> Policy:
        return self._group.policy(k, self._sim.action_low, self._sim.action_high)

    # --- rewards ---

    def _rewards(self, rollout: Rollout, taken: int) -> tuple[Tensor, list[dict[str, float]]]:
        """Each candidate's rewards, `(T, K * N)`, and their means a step; a candidate at fault gets zeros."""
        n, totals, means = self._settings.num_envs, [], []
        for k, training in enumerate(self._trainings):
            mine = columns(rollout, k * n, (k + 1) * n)
            total, components = training.trainee.reward(mine)
            total = torch.where(mine.valid, total, 0.0)
            if training.fault is None:
                training.fault = _unusable(mine, total, components, before=taken // n - len(mine.valid))
            if training.fault is not None:
                total = torch.zeros_like(total)
            named = {"reward": total, **{f"component/{name}": v for name, v in components.items()}}
            means.append(_means(named, mine.valid) if training.fault is None else {})
            totals.append(total)
        return torch.cat(totals, dim=1), means


def _means(named: Mapping[str, Tensor], valid: Tensor) -> dict[str, float]:
    """All in one look at the device."""
    kept = valid.sum().clamp(min=1)
    sums = torch.stack([torch.where(valid, v, 0.0).sum(dtype=torch.float64) for v in named.values()])
    return dict(zip(named, (sums / kept).tolist(), strict=True))


def _unusable(rollout: Rollout, total: Tensor, components: Mapping[str, Tensor], *, before: int) -> Rejected | None:
    """Which reward or component cannot be learned from, and when; `before` control steps came before this rollout."""
    if bool(torch.stack([(v.abs() <= TOO_LARGE).all() for v in (total, *components.values())]).all()):
        return None  # nearly always, and known after one look at the device
    named = [(f"Component '{name}'", values) for name, values in components.items()]
    for where, values in [*named, ("The total reward", total)]:  # the component first: it says more
        for bad, what in ((~torch.isfinite(values), "not finite"), (values.abs() > TOO_LARGE, "beyond 1e15")):
            if bool((bad & rollout.valid).any()):
                return _fault(where, what, bad & rollout.valid, before=before)
    return None


def _fault(where: str, what: str, bad: Tensor, *, before: int) -> Rejected:
    step = int(bad.any(dim=1).nonzero()[0]) + before
    return Rejected(
        stage="train",
        reason=(
            f"{where} is {what} in {int(bad.any(dim=0).sum())} of {bad.shape[1]} environments, "
            f"first at control step {step} of training."
        ),
        hint="Usual causes: division by a distance near 0, log or sqrt of a negative, exp of a large "
        "value. Add a small constant to divisors and clamp what goes into exp, log and sqrt.",
    )


def _exploded(steps: int) -> Rejected:
    return Rejected(
        stage="train",
        reason=f"The policy's weights stopped being finite after {steps} control steps.",
        hint="The reward's magnitude is probably extreme or jumps; bound each component, e.g. with tanh.",
    )
