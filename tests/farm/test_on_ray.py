"""Ray for real: two workers of this machine train what one machine would, also after one of them was killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rewardsmith import farm, sim
from rewardsmith.config import FarmSettings, TrainSettings
from rewardsmith.errors import FarmError
from rewardsmith.interfaces import Trainee
from rewardsmith.learn.ppo import Outcome
from rewardsmith.sim.point import point_task

ray = pytest.importorskip("ray", reason="needs Ray: pip install 'rewardsmith[ray]'")
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("cluster")]


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Two cores' worth of workers."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def test_a_training_on_ray_is_the_one_here_and_outlives_a_killed_worker(
    settings: TrainSettings, trained: Callable[..., list[Outcome]], here: Callable[[bool], list[Outcome]],
    same: Callable[[list[Outcome], list[Outcome]], bool], monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    """The worker that takes the first parcel leaves its number and is killed; the next one finds it and goes on."""
    from rewardsmith.farm import on_ray

    mark = tmp_path / "killed"

    def killed_once(parcel: Any) -> Any:
        from rewardsmith.farm.parcels import work

        if parcel.group[0].id == "x -1.0" and not mark.exists():
            mark.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return work(parcel)

    monkeypatch.setattr(on_ray, "work", killed_once)
    outcomes = trained(settings.model_copy(update={"where": "ray"}), racing=True)
    assert mark.exists()
    assert same(outcomes, here(True))


@pytest.mark.parametrize(
    ("group", "told"),
    [
        (FarmSettings(groups=2, cpus=64), r"a group of 64 cores, 0 GPUs\. What its machines have: 2 cores, 0 GPUs and"),
        (FarmSettings(groups=2, cpus=1, memory_gib=9e6), r"1 cores, 0 GPUs and 9e\+06 GiB of memory\."),
    ],
    ids=["cores", "memory"],
)
def test_a_group_that_fits_no_machine_is_told_of_instead_of_waiting_for_ever(
    settings: TrainSettings, population: list[Trainee], group: FarmSettings, told: str
) -> None:
    at = settings.model_copy(update={"where": "ray", "farm": group})
    with pytest.raises(FarmError, match=told):
        farm.learner(at, sim.make).train(population, point_task(), seed=0, watch=lambda _: None)


def test_a_run_that_is_stopped_leaves_no_task_behind(settings: TrainSettings, population: list[Trainee]) -> None:
    def interrupted(progress: object) -> None:  # noqa: ARG001
        raise KeyboardInterrupt

    at = settings.model_copy(update={"where": "ray", "env_steps": 10_000_000})
    with pytest.raises(KeyboardInterrupt):
        farm.learner(at, sim.make).train(population, point_task(), seed=0, watch=interrupted, race=False)
    deadline = time.monotonic() + 20
    while ray.available_resources().get("CPU", 0) < 2 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert ray.available_resources()["CPU"] == 2
