"""Random streams: each stage and item has its own, and none moves another."""

from __future__ import annotations

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.seeds import Stream, env_seeds, stream

seeds = st.integers(min_value=0, max_value=2**63 - 1)
stages = st.sampled_from(get_args(Stream))


@given(seeds, st.integers(0, 10_000), stages, st.integers(0, 5_000))
def test_a_stream_is_a_63_bit_number_that_its_arguments_decide(
    seed: int, generation: int, stage: Stream, item: int
) -> None:
    value = stream(seed, generation, stage, item)
    assert 0 <= value < 2**63
    assert value == stream(seed, generation, stage, item)


def test_no_two_streams_of_a_run_are_the_same() -> None:
    named = [
        (seed, generation, stage, item)
        for seed in (0, 1, 2**40)
        for generation in range(6)
        for stage in get_args(Stream)
        for item in (0, 1, 2, 1000, 1001)
    ]
    assert len({stream(*name) for name in named}) == len(named)


def test_streams_do_not_change_between_versions() -> None:
    """A run is resumed with the seeds it was begun with, so these numbers are part of the ledger's format."""
    assert stream(0, 1, "train") == 7509344946079293938
    assert stream(7, 3, "propose", 2) == 4956456444377005234
    assert env_seeds(5, 3) == [8411699, 1470497614, 1145003696]


@given(seeds, st.integers(1, 40), st.integers(0, 40))
def test_more_environments_leave_the_seeds_of_the_first_ones_alone(seed: int, count: int, more: int) -> None:
    assert env_seeds(seed, count + more)[:count] == env_seeds(seed, count)


@given(seeds, st.integers(0, 64))
def test_environment_seeds_fit_31_bits(seed: int, count: int) -> None:
    found = env_seeds(seed, count)
    assert len(found) == count
    assert all(0 <= s < 2**31 for s in found)


def test_environments_of_one_batch_have_seeds_of_their_own() -> None:
    assert len(set(env_seeds(3, 256))) == 256
