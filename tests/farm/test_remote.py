"""Groups on other machines: the same numbers as here, and a lost machine costs a leg, not a result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rewardsmith.config import FarmSettings, SacSettings, TrainSettings
from rewardsmith.errors import FarmError
from rewardsmith.farm.remote import Room, refuse_too_large
from rewardsmith.interfaces import Progress, Trainee
from rewardsmith.learn.ppo import Outcome
from rewardsmith.types import Rejected, Trained

Train = Callable[..., list[Outcome]]
Here = Callable[[bool], list[Outcome]]
Same = Callable[[list[Outcome], list[Outcome]], bool]


@pytest.mark.parametrize("racing", [True, False], ids=["raced", "plain"])
def test_a_training_far_away_is_bit_for_bit_the_one_here(
    here: Here, on_desk: Train, desk: Any, same: Same, racing: bool
) -> None:
    assert same(on_desk(desk(), racing=racing), here(racing))
    stops = [outcome.stopped for outcome, _ in here(racing) if isinstance(outcome, Trained)]
    assert any(stops) == racing  # else racing was not tried


def test_so_is_one_that_learns_from_what_it_remembers(
    trained: Train, on_desk: Train, desk: Any, same: Same, settings: TrainSettings
) -> None:
    """What is remembered crosses with it, and is forgotten of who trains no further."""
    sac = SacSettings(warmup_steps=64, batch=16, replay_steps=4 * 64)
    at = settings.model_copy(update={"algorithm": "sac", "sac": sac})
    farm = desk()
    assert same(on_desk(farm, at=at), trained(at, racing=True))
    held = [len(sent.standing.state["replay.obs"]) for parcel in farm.sent for sent in parcel.group]
    assert sorted(set(held)) == [0, 3, 4]


def test_a_race_is_decided_in_one_place_leg_by_leg_and_a_plain_training_is_one_parcel_a_group(
    on_desk: Train, desk: Any
) -> None:
    raced, plain = desk(), desk()
    on_desk(raced)
    on_desk(plain, racing=False)
    assert [len(parcel.legs) for parcel in raced.sent] == [1] * len(raced.sent)
    assert [leg.index for parcel in raced.sent for leg in parcel.legs][:4] == [0, 0, 1, 1]
    assert [len(parcel.group) for parcel in raced.sent][:2] == [2, 3]
    assert sum(len(parcel.group) for parcel in raced.sent[-2:]) < 5  # whoever was dropped is not sent again
    assert [len(parcel.legs) for parcel in plain.sent] == [5, 5]


def test_a_group_whose_machine_is_lost_is_trained_again_to_the_same_result(
    here: Here, on_desk: Train, desk: Any, same: Same
) -> None:
    farm = desk(losses={"x -1.0": 2})
    assert same(on_desk(farm, racing=False), here(False))
    assert [parcel.group[0].id for parcel in farm.sent] == ["x -1.0", "x -0.5", "x -1.0", "x -1.0"]
    assert farm.cleared == 1


def test_a_group_that_is_lost_every_time_is_rejected_and_the_others_are_not(
    here: Here, on_desk: Train, desk: Any, same: Same
) -> None:
    farm = desk(losses={"x -1.0": 3})
    outcomes = on_desk(farm, racing=False)
    lost = [outcome for outcome, _ in outcomes[:2]]
    assert all(isinstance(outcome, Rejected) for outcome in lost)
    assert isinstance(lost[0], Rejected)
    assert lost[0].stage == "train"
    assert "lost with the machine it ran on, 3 times; last: the power went" in lost[0].reason
    assert same(outcomes[2:], here(False)[2:])


def test_where_every_machine_is_lost_it_is_the_clusters_fault_and_nobody_elses(on_desk: Train, desk: Any) -> None:
    farm = desk(losses={"x -1.0": 3, "x -0.5": 3})
    with pytest.raises(FarmError, match=r"Every machine that trained was lost, 3 times over; last: the power went\."):
        on_desk(farm)
    assert farm.cleared == 0  # logs stay


def test_whatever_is_under_way_is_cancelled_when_the_run_is_stopped(on_desk: Train, desk: Any) -> None:
    def interrupted(_: Progress) -> None:
        raise KeyboardInterrupt

    farm = desk()
    with pytest.raises(KeyboardInterrupt):
        on_desk(farm, watch=interrupted)
    assert farm.cancelled == 2


def test_progress_counts_what_came_back(on_desk: Train, desk: Any) -> None:
    seen: list[Progress] = []
    on_desk(desk(), racing=False, watch=seen.append)
    assert seen[0].fraction == 0.0
    assert seen[-1].fraction == 1.0


def test_a_reward_that_is_plain_python_stays_at_home(on_desk: Train, desk: Any) -> None:
    plain = Trainee(id="mine", reward=lambda rollout: (rollout.reward, {}), verified=None)
    with pytest.raises(FarmError, match="'mine' is plain Python"):
        on_desk(desk(), trainees=[plain])


MACHINES = (Room(64, 0, 256), Room(8, 4, 16), Room(8, 4, 16))


@pytest.mark.parametrize(
    ("group", "told"),
    [
        (FarmSettings(cpus=4, gpus=1, memory_gib=64), "a group of 4 cores, 1 GPUs and 64 GiB of memory."),
        (FarmSettings(cpus=16, gpus=1), "a group of 16 cores, 1 GPUs."),
    ],
)
def test_a_group_must_fit_one_machine_and_not_the_largest_numbers_of_several(group: FarmSettings, told: str) -> None:
    with pytest.raises(FarmError) as refused:
        refuse_too_large(group, MACHINES)
    have = "What its machines have: 64 cores, 0 GPUs and 256 GiB of memory; 8 cores, 4 GPUs and 16 GiB of memory."
    assert f"{told} {have}" in str(refused.value)
    refuse_too_large(FarmSettings(cpus=8, gpus=0.5, memory_gib=16), MACHINES)


def test_where_no_machine_is_alive_it_says_so() -> None:
    with pytest.raises(FarmError, match="none is alive"):
        refuse_too_large(FarmSettings(memory_gib=1), [])
