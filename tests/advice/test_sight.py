"""Before a judge is believed it is seen to see: a model that is shown nothing names colours by chance."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from PIL import Image as Pillow

from rewardsmith import taskfile
from rewardsmith.advice import sight
from rewardsmith.assemble import Extras, ask_of, begin
from rewardsmith.config import EvolveConfig
from rewardsmith.errors import ConfigError
from rewardsmith.interfaces import Ask
from rewardsmith.propose.fake_server import FakeServer, Heard, Say
from rewardsmith.render.stills import AlbumInMemory
from rewardsmith.store import Run
from rewardsmith.types import Reply

Answering = Callable[[Mapping[str, str]], Ask]
CONFIG = EvolveConfig.model_validate(
    {"model": "vllm/small", "feedback": {"sources": ["llm_judge"]}, "advice": {"look": "frames"}}
)


def reply(text: str) -> Reply:
    return Reply(text=text, finish="stop", model="m")


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("COLOURS: red, blue, green", True),
        ("**COLOURS: Red, Blue, Green.**", True),
        ("It cannot be white.\nColours: red, blue, green", True),
        ("COLOURS: blue, red, green", False),
        ("COLOURS: red, blue", False),
        ("COLOURS: red, blue, green, or white", False),
        ("I see no pictures.", False),
        ("Colored, bluely, greenish", False),
        ("", False),
    ],
)
def test_the_colours_named_last_are_those_meant(said: str, right: bool) -> None:
    assert sight.names(reply(said), ("red", "blue", "green")) == right


def test_the_colours_are_chosen_by_the_seed_and_shown_in_order() -> None:
    found = {sight.chosen(seed) for seed in range(40)}
    assert len(found) > 20
    for shown in found:
        assert len(set(shown)) == sight.PICTURES
    [message] = sight.question(("red", "blue", "green")).prompt.messages
    pixels = [Pillow.open(io.BytesIO(image.content)).getpixel((5, 5)) for image in message.images]
    assert pixels == [sight.COLOURS[colour] for colour in ("red", "blue", "green")]


def test_the_question_as_it_stands(golden: Callable[[str, str], None]) -> None:
    [message] = sight.question(("red", "blue", "green")).prompt.messages
    golden("sight.md", "\n".join([message.content, "", *(image.caption for image in message.images), ""]))


def test_a_model_that_names_other_colours_is_refused_with_what_it_said(answering: Answering) -> None:
    shown = sight.chosen(5)
    album = AlbumInMemory()
    sight.prove(answering({"start.sight1": f"COLOURS: {', '.join(shown)}"}), album, seed=5)
    assert [len(images) for images in album.images.values()] == [3]
    with pytest.raises(ConfigError, match=r"'replay' does not see pictures: shown .*, it answered 'I see a robot\.'"):
        sight.prove(answering({"start.sight1": "I see\na robot."}), album, seed=5)


# --- in a run ---------------------------------------------------------------------------------------------------------


def sees(heard: Heard) -> Say:
    """A model that says what it sees."""
    known = {rgb: name for name, rgb in sight.COLOURS.items()}
    seen = [known[Pillow.open(io.BytesIO(image)).getpixel((5, 5))] for image in heard.images]  # type: ignore[index]
    return Say(text=f"COLOURS: {', '.join(seen)}")


def test_a_run_asks_once_whether_its_judge_sees(tmp_path: Path) -> None:
    with FakeServer(sees) as server:
        extras = Extras(base_url=server.base_url)
        with begin(tmp_path / "run", taskfile.load("reacher_reach"), CONFIG, extras) as run:
            assert ask_of(run, extras, CONFIG, tell=pytest.fail) is not None
        with Run.open(tmp_path / "run", write=True) as run:
            assert ask_of(run, extras, CONFIG, tell=pytest.fail) is not None
            assert run.damaged() == ()
            assert run.cost().tokens_in == 11
        assert [len(heard.images) for heard in server.heard] == [3]
    page = (tmp_path / "run" / "prompts" / "start.sight1.md").read_text()
    assert page.count("](../frames/") == 3


def test_a_judge_that_is_blind_ends_a_run_before_anything_is_trained(tmp_path: Path) -> None:
    with FakeServer([Say(text="COLOURS: red, red, red")]) as server:
        extras = Extras(base_url=server.base_url)
        with (
            begin(tmp_path / "run", taskfile.load("reacher_reach"), CONFIG, extras) as run,
            pytest.raises(ConfigError, match=r"does not see pictures.*advice\.look=summaries"),
        ):
            ask_of(run, extras, CONFIG, tell=pytest.fail)


def test_nobody_is_asked_where_nobody_looks(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"advice": CONFIG.advice.model_copy(update={"look": "summaries"})})
    with FakeServer(sees) as server:
        extras = Extras(base_url=server.base_url)
        with begin(tmp_path / "run", taskfile.load("reacher_reach"), config, extras) as run:
            ask_of(run, extras, config, tell=pytest.fail)
        assert server.heard == []


def test_advice_of_another_model_is_not_sought_at_the_run_s_address(tmp_path: Path) -> None:
    """Where a judge of its own is asked, `--base-url` is that of the coder."""
    words = {"model": "vllm/small", "advice": {"model": f"replay:{tmp_path / 'said'}"}}
    (tmp_path / "said").mkdir()
    (tmp_path / "said" / "g001-00.critic1.md").write_text("VERDICT: fine")
    config = EvolveConfig.model_validate(words)
    extras = Extras(base_url="http://127.0.0.1:9/v1")
    with begin(tmp_path / "run", taskfile.load("reacher_reach"), config, extras) as run:
        ask = ask_of(run, extras, config, tell=pytest.fail)
        assert ask is not None
        assert ask.name == "replay"
