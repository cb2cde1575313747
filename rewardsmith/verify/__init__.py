"""From generated text to a reward that may be trained with: three gates, cheapest first.

Each maps a batch to a batch of the same ids in the same order and skips what is already rejected.
"""

from collections.abc import Mapping, Sequence

from torch import Tensor

from rewardsmith.interfaces import Sandbox
from rewardsmith.types import Attempt, Task
from rewardsmith.verify.compile import compile  # noqa: A004
from rewardsmith.verify.probe import probe
from rewardsmith.verify.static import static

__all__ = ["compile", "gauntlet", "probe", "static"]


def gauntlet(
    batch: Sequence[Attempt], task: Task, sandbox: Sandbox, states: Mapping[str, Tensor]
) -> tuple[Attempt, ...]:
    """All three gates in turn; `states` as for `probe`."""
    return probe(compile(static(batch, task), task, sandbox), task, sandbox, states)
