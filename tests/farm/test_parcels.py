"""What crosses the wire: graphs as text that is checked again, and nobody who has other packages works on it."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from rewardsmith.errors import FarmError
from rewardsmith.farm.parcels import Parcel, Traced, work
from rewardsmith.graph import GraphError
from rewardsmith.learn.ppo import Outcome


@pytest.fixture
def parcel(on_desk: Callable[..., list[Outcome]], desk: Any) -> Parcel:
    """The first one of a training."""
    farm = desk()
    on_desk(farm, racing=False)
    first: Parcel = farm.sent[0]
    return first


def test_a_parcel_holds_rewards_as_text_and_names_alone(parcel: Parcel) -> None:
    assert [type(sent.reward) for sent in parcel.group] == [Traced, Traced]
    assert b"graph_reward" not in pickle.dumps(parcel)


def test_a_graph_is_checked_again_where_it_arrives(parcel: Parcel) -> None:
    reward = parcel.group[0].reward
    assert isinstance(reward, Traced)
    forged = dataclasses.replace(parcel.group[0], reward=Traced(text=reward.text.replace("mul.Tensor", "load.Library")))
    with pytest.raises(GraphError):
        work(dataclasses.replace(parcel, group=(forged,)))


def test_a_machine_with_other_packages_refuses(parcel: Parcel) -> None:
    older = dataclasses.replace(parcel, versions={**parcel.versions, "torch": "1.0"})
    with pytest.raises(FarmError, match=r"torch .* \(the run has 1\.0\).* install the same versions"):
        work(older)


def test_a_machine_that_lacks_a_package_refuses_in_a_line(parcel: Parcel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rewardsmith.farm.parcels.DECISIVE", (*parcel.versions, "no-such-package"))
    more = dataclasses.replace(parcel, versions={**parcel.versions, "no-such-package": "1.0"})
    with pytest.raises(FarmError, match=r"no-such-package missing \(the run has 1\.0\)"):
        work(more)
