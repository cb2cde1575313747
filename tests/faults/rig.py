"""What the tests of faults share: the client of a nursery, a run's log without its times, and a model that is made up.

`tests/faults/conftest.py` makes fixtures of it; `soak.py` uses it as it is.
"""

from __future__ import annotations

import hashlib
import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rewardsmith.propose.fake_server import Heard, Say

# --- commands in processes of their own -------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended: its exit code (minus the signal that ended it), what it printed, and what it had done.

    `moments` counts files named and commits begun, `acknowledged` events whose commit returned.
    """

    code: int
    said: str
    moments: int
    acknowledged: int
    seconds: float


class Nursery:
    """A nursery process (`nursery.py`) that works in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("nursery.py")), str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def call(
        self,
        *words: str,
        at: int | None = None,
        send: signal.Signals = signal.SIGKILL,
        full_at: int | None = None,
        signals: Sequence[tuple[float, signal.Signals]] = (),
        env: Mapping[str, str] | None = None,
    ) -> Ended:
        """Run `rewardsmith WORDS` to its end.

        `send` meets it at moment `at`, each of `signals` after its seconds; from moment `full_at` the disk is full.
        """
        timed = [(after_s, int(number)) for after_s, number in signals]
        asked = {"words": words, "at": at, "send": int(send), "full_at": full_at, "signals": timed}
        return Ended(**self._send({**asked, "env": dict(env or {})}))

    def stop(self, *words: str, at: int) -> int:
        """Run `rewardsmith WORDS` until moment `at` and stop it there, alive; returns its process id."""
        asked = {"words": words, "at": at, "send": int(signal.SIGSTOP), "full_at": None, "signals": [], "env": {}}
        return int(self._send(asked)["stopped"])

    def kill(self, stopped: int) -> None:
        """Kill -9 a command that was stopped."""
        self._send({"kill": stopped})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _send(self, asked: Mapping[str, object]) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the nursery died"
        found: dict[str, Any] = json.loads(answer)
        return found


# --- what a run left --------------------------------------------------------------------------------------------------

SESSIONS = {"session", "ended", "files", "repaired"}
"""Kinds of events that tell of sessions and of pages that name them, of which a resumed run has others."""

TIMES = {"seconds"}
FILES = ("best", "candidates", "curves", "policies", "prompts", "replies", "trajectories")


def log(run: Path) -> dict[str, object]:
    """What the ledger holds, by key, in order, without times and sessions; nothing while there is no ledger."""
    return {key: timeless(json.loads(body)) for key, kind, body in rows(run) if kind not in SESSIONS}


def rows(run: Path) -> list[tuple[str, str, str]]:
    """Key, kind and body of every event, in order."""
    file = run / "ledger.sqlite"
    if not file.is_file():
        return []
    ledger = sqlite3.connect(file, timeout=30)
    try:
        return ledger.execute("SELECT key, kind, body FROM events ORDER BY seq").fetchall()
    except sqlite3.OperationalError:  # the table was about to be made
        return []
    finally:
        ledger.close()


def files(run: Path) -> dict[str, str]:
    """The hash of every file that a run leaves and that does not tell of its sessions, by its path in the run."""
    found = sorted(file for folder in FILES for file in (run / folder).rglob("*") if file.is_file())
    return {str(file.relative_to(run)): hashlib.sha256(file.read_bytes()).hexdigest() for file in found}


def timeless(value: object) -> object:
    """JSON data with all times set to 0."""
    if isinstance(value, dict):
        return {name: 0 if name in TIMES else timeless(inner) for name, inner in value.items()}
    return [timeless(inner) for inner in value] if isinstance(value, list) else value


# --- a small run ------------------------------------------------------------------------------------------------------

TASK = """
name: point_reach
goal: A point on a line should go to a target and stay there.
env: {backend: point, id: Point-v0}
episode_steps: 20
control_dt_s: 0.1
signals:
  offset: {source: "obs[2]", unit: m, doc: target minus position}
  action: {source: action, shape: [1], unit: "1", doc: the push}
fitness: {of: "0 - info.distance", reduce: mean, unit: m, doc: minus the mean distance to the target}
train: {env_steps: 512, num_envs: 4, rollout_steps: 32, hidden: [8], epochs: 2, minibatches: 2}
judge: {episodes: 4, final_episodes: 4}
search: {generations: 2, offspring: 2, repairs: 1}
pool: {random: 4}
"""

_REWARD = """Thought about it for a while.
```python
import torch

def compute_reward(offset: torch.Tensor, action: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    near = torch.exp(-offset.abs() / {scale})
    effort = -{weight} * action.square().sum(dim=-1)
    return near + effort, {{"near": near, "effort": effort}}
```
"""
_UNDECLARED = "```python\ndef compute_reward(distance):\n    return -distance, {}\n```"


_POINT = """```python
def compute_reward(offset, distance):
    near = -{weight} * distance
    return near, {{"near": near}}
```"""


def rewarding_point(heard: Heard) -> Say:
    """The same for the point task that ships, with rewards of four kinds and the same mistake."""
    asked = json.dumps([heard.body["messages"], heard.body.get("seed")])
    draw = hashlib.sha256(asked.encode()).digest()[0] % 5
    return Say(text=_POINT.format(weight=draw) if draw else "I would rather not.")


def rewarding(heard: Heard) -> Say:
    """A model that always answers the same request alike: mostly with a reward, sometimes with a mistake in it."""
    asked = json.dumps([heard.body["messages"], heard.body.get("seed")])
    draw = hashlib.sha256(asked.encode()).digest()
    if draw[0] % 4 == 0:
        return Say(text=_UNDECLARED)
    return Say(text=_REWARD.format(scale=(0.25, 0.5, 1.0)[draw[1] % 3], weight=(0.0, 0.01, 0.02, 0.04)[draw[2] % 4]))
