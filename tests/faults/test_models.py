"""A model's server on bad days, from the command line: what passes is sat out, what does not stops the run, saved.

How each fault is told apart stands in `tests/propose/test_llm.py`; here it is what becomes of a run.
"""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rewardsmith.propose.fake_server import Behaviour, Body, Drip, Fail, FakeServer, Heard, Reset, Say, Stall
from rewardsmith.store import Run
from rewardsmith.types import Judged, Rejected


@dataclass
class Moody:
    """A server's script: the first calls meet `troubles`, one each, all others `otherwise`."""

    otherwise: Callable[[Heard], Behaviour]
    troubles: list[Behaviour] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, heard: Heard) -> Behaviour:
        with self.lock:
            return self.troubles.pop(0) if self.troubles else self.otherwise(heard)


@pytest.fixture(scope="module")
def mood(rig: Any) -> Moody:
    return Moody(otherwise=rig.rewarding)


@pytest.fixture(scope="module")
def evolve(nursery: Any, mood: Moody) -> Iterator[Callable[..., Any]]:
    """Begins a run of one generation of eight with a model behind the moody server: `evolve(name, *more words)`."""
    sets = ("search.generations=1", "search.offspring=8", "train.env_steps=128", "propose.timeout_s=0.8")
    words = ("evolve", "task.yaml", "--seed", "3", "--plain", "--model", "vllm/coder")
    words = (*words, *(word for setting in sets for word in ("--set", setting)))
    with FakeServer(mood) as server:
        yield lambda name, *more: nursery.call(*words, "--base-url", server.base_url, "--name", name, *more)


@pytest.fixture(scope="module")
def good_day(nursery: Any, rig: Any, evolve: Callable[..., Any]) -> dict[str, object]:
    """The log of a run that nothing happened to."""
    ended = evolve("good-day")
    assert ended.code == 0, ended.said
    found: dict[str, object] = rig.log(nursery.folder / "runs" / "good-day")
    return found


# --- what passes ------------------------------------------------------------------------------------------------------

SAY = json.dumps({"choices": [{"message": {"content": "never read"}}]}).encode()
PASSING: Mapping[str, Behaviour] = {
    "stalls": Stall(),
    "drips": Drip(every_s=0.05),
    "resets": Reset(),
    "is busy": Fail(status=429, headers={"Retry-After": "0.2"}),
    "is broken": Fail(status=500),
    "is overloaded": Fail(status=529),
    "hangs up early": Body(content=SAY[:20], headers={"Content-Length": str(len(SAY)), "Connection": "close"}),
    "lies of its encoding": Body(content=SAY, headers={"Content-Encoding": "gzip"}),
}


def test_a_run_on_a_bad_day_ends_as_on_a_good_one(
    nursery: Any, rig: Any, mood: Moody, evolve: Callable[..., Any], good_day: dict[str, object]
) -> None:
    """Each of eight requests meets another trouble first, and is answered when it is asked again."""
    mood.troubles = list(PASSING.values())
    ended = evolve("bad-day")
    assert mood.troubles == []
    assert ended.code == 0, ended.said
    assert rig.log(nursery.folder / "runs" / "bad-day") == good_day


# --- what does not ----------------------------------------------------------------------------------------------------

FINAL: Mapping[str, tuple[Behaviour, str]] = {
    "400": (Fail(status=400, error={"message": "context is full"}), "did not accept the request"),
    "401": (Fail(status=401), "VLLM_API_KEY is not set"),
    "403": (Fail(status=403), "does not let the key in VLLM_API_KEY use 'coder'"),
    "a web page": (Body(content=b"<html>", content_type="text/html"), "no chat completion"),
    "utf-16": (Body(content=SAY.decode().encode("utf-16")), "no chat completion"),
    "noise": (Body(content=bytes(range(256))), "no chat completion"),
    "an hour": (Fail(status=429, headers={"Retry-After": "3600"}), "asks to wait 3600 s"),
}


# One of each way to stop is enough for a run, as tests/propose/test_llm.py tells all of them apart; the rest are slow.
QUICK = ("401", "a web page", "an hour")


@pytest.mark.parametrize("what", [pytest.param(what, marks=[pytest.mark.slow] * (what not in QUICK)) for what in FINAL])
def test_a_run_that_its_model_stops_is_saved_and_goes_on_when_it_is_well_again(
    nursery: Any,
    rig: Any,
    mood: Moody,
    evolve: Callable[..., Any],
    good_day: dict[str, object],
    what: str,
) -> None:
    (trouble, says), name = FINAL[what], f"stopped-by-{what.replace(' ', '-')}"
    mood.troubles = [trouble] * 8
    ended = evolve(name)
    mood.troubles = []
    assert ended.code == 4, ended.said
    [line] = [line for line in ended.said.splitlines() if line.startswith("error: ")]
    assert says in line
    assert "Traceback" not in ended.said
    assert f"rewardsmith resume runs/{name}" in ended.said
    again = nursery.call("resume", name)
    assert again.code == 0, again.said
    assert rig.log(nursery.folder / "runs" / name) == good_day


# --- answers that are no reward ---------------------------------------------------------------------------------------

GOOD = "def compute_reward(offset, action):\n    near = -offset.abs()\n    return near, {'near': near}\n"
ANSWERS: Mapping[str, Behaviour] = {
    "empty": Say(text=""),
    "null": Say(text=None, finish=None),
    "cut off": Say(text="```python\ndef compute_reward(offset):\n    near = torch.ex", finish="length"),
    "refused": Say(text=None, refusal="I cannot help with that."),
    "noise": Say(text="".join(map(chr, range(1, 1000)))),
    "half a surrogate pair": Body(content=b'{"choices": [{"message": {"content": "\\ud800 ```\\udfff"}}]}'),
    "latin-1": Body(content='{"choices": [{"message": {"content": "r\xe9compense"}}]}'.encode("latin-1")),
    "several blocks": Say(
        text=f"First:\n```python\nx = 1\n```\nbetter:\n```python\n{GOOD}```\nIn short:\n```\ndone\n```"
    ),
}


def test_answers_that_are_no_reward_are_kept_as_they_came_and_rejected_with_a_reason(
    nursery: Any, mood: Moody, evolve: Callable[..., Any]
) -> None:
    mood.troubles = list(ANSWERS.values())
    one_by_one = ("--set", "propose.concurrency=1", "--set", "search.repairs=0")
    ended = evolve("answers", *one_by_one)
    assert ended.code == 0, ended.said
    with Run.open(nursery.folder / "runs" / "answers", write=False) as run:
        [generation] = run.history()[1:]
        *rejected, judged = [attempt.outcome for attempt in generation.attempts]
        said = run.replies.all()
    texts = [reply.text for reply in said]
    assert [type(outcome) for outcome in rejected] == [Rejected] * 7
    assert all(isinstance(o, Rejected) and o.stage == "reply" and o.reason and o.hint for o in rejected)
    assert isinstance(judged, Judged)
    assert texts[2].endswith("torch.ex")
    assert texts[6] == "r\ufffdcompense"
    folder = nursery.folder / "runs" / "answers" / "replies"
    assert [_said(file) for file in sorted(folder.glob("*.md"))] == texts
    ends = [reply.finish for reply in said if reply.finish != "stop"]
    assert [_said(file) for file in sorted(folder.glob("*.finish"))] == ends
    assert ends


def _said(file: Path) -> str:
    return file.read_bytes().decode("utf-8", "surrogatepass")


def test_a_body_in_gzip_is_read(mood: Moody, evolve: Callable[..., Any]) -> None:
    body = gzip.compress(json.dumps({"choices": [{"message": {"content": f"```python\n{GOOD}```"}}]}).encode())
    mood.troubles = [Body(content=body, headers={"Content-Encoding": "gzip"})]
    ended = evolve("gzip", "--set", "search.offspring=1")
    assert ended.code == 0, ended.said
    assert "1 judged" in ended.said
