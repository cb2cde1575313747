"""Prompts that show images: the same bytes to every kind of model, and part of what tells one question from another."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image as Pillow

from rewardsmith.config import ProposeSettings
from rewardsmith.errors import ProposerError
from rewardsmith.interfaces import Request
from rewardsmith.propose import faults
from rewardsmith.propose.asking import RepliesInMemory, request_key
from rewardsmith.propose.endpoint import endpoint
from rewardsmith.propose.fake_server import Behaviour, Body, Fail, FakeServer, Say
from rewardsmith.propose.llm import LLMProposer
from rewardsmith.propose.manual import ManualProposer
from rewardsmith.propose.retry import Backoff
from rewardsmith.propose.wire import Fault
from rewardsmith.types import Image

Ask = Callable[..., Request]


def image(colour: str) -> Image:
    file = io.BytesIO()
    Pillow.new("RGB", (4, 3), colour).save(file, format="PNG")
    content = file.getvalue()
    return Image(caption=f"It is {colour}:", sha256=hashlib.sha256(content).hexdigest(), content=content)


RED, BLUE = image("red"), image("blue")


@pytest.fixture
def show(ask: Ask) -> Callable[..., Request]:
    """The same request, its last message showing images."""

    def build(*images: Image) -> Request:
        request = ask("g001-00.score1", "What colour is it?")
        *before, last = request.prompt.messages
        return replace(request, prompt=replace(request.prompt, messages=(*before, replace(last, images=images))))

    return build


def key(request: Request) -> str:
    return request_key(request, model="m/x", params={})


def test_images_and_their_order_and_captions_tell_requests_apart(show: Callable[..., Request]) -> None:
    renamed = replace(RED, caption="It is blue:")
    keys = [key(show(*images)) for images in ((), (RED,), (BLUE,), (renamed,), (RED, BLUE), (BLUE, RED))]
    assert len(set(keys)) == len(keys)


# --- a model over HTTP ------------------------------------------------------------------------------------------------


def proposer(server: FakeServer, tell: Callable[[str], None] = lambda _: None) -> LLMProposer:
    settings = ProposeSettings(timeout_s=20.0, retries=2)
    wait = Backoff(first_s=0.01, longest_s=0.02)
    return LLMProposer("vllm/small", settings, base_url=server.base_url, tell=tell, backoff=wait)


def test_a_model_is_sent_each_image_after_its_caption(show: Callable[..., Request], store: RepliesInMemory) -> None:
    with FakeServer([Say(text="red, then blue")]) as server:
        [reply] = proposer(server).propose([show(RED, BLUE)], store=store)
    [heard] = server.heard
    assert reply.text == "red, then blue"
    assert [part["type"] for part in heard.body["messages"][-1]["content"]] == [
        "text", "text", "image_url", "text", "image_url",
    ]  # fmt: skip
    assert heard.text == "What colour is it?\nIt is red:\nIt is blue:"
    assert heard.images == (RED.content, BLUE.content)
    assert heard.body["messages"][0]["content"] == "You write rewards."


def test_a_prompt_without_images_is_sent_as_plain_text(ask: Ask, store: RepliesInMemory) -> None:
    with FakeServer([Say()]) as server:
        proposer(server).propose([ask()], store=store)
    [heard] = server.heard
    assert heard.body["messages"][-1]["content"] == "Write a reward."
    assert (heard.text, heard.images) == ("Write a reward.", ())


REFUSALS: dict[str, Behaviour] = {
    "openai": Fail(
        status=400, error={"message": "Invalid content type. image_url is only supported by certain models."}
    ),
    "vllm": Fail(status=400, error={"message": "small is not a multimodal model"}),
    "llama.cpp": Fail(status=500, error={"message": "image input is not supported - hint: you may need the mmproj"}),
    "openrouter": Fail(status=404, error={"message": "No endpoints found that support image input"}),
    "text only": Fail(status=422, error={"message": "messages.1.content: Input should be a valid string"}),
    "fastapi": Body(content=b'{"detail": "This server has no vision."}', status=501),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_a_model_that_sees_nothing_is_told_at_once_on_one_line(
    show: Callable[..., Request], store: RepliesInMemory, refusal: Behaviour
) -> None:
    with FakeServer([refusal]) as server, pytest.raises(ProposerError) as error:
        proposer(server).propose([show(RED)], store=store)
    assert len(server.heard) == 1
    said = str(error.value)
    assert said.isprintable()
    assert "did not accept a request that showed pictures to 'small' (HTTP " in said
    assert "advice.look=summaries" in said


def test_words_of_images_mean_nothing_where_none_was_shown() -> None:
    fault = Fault(detail="The image of the container is being pulled.", status=500)
    at = endpoint("vllm/small")
    assert faults.refuses_images(fault)
    assert "pictures" not in faults.explained(fault, at, tries=3, answered=False)
    assert "pictures" not in faults.explained(
        Fault(detail="slow down", status=429), at, tries=3, answered=True, pictured=True
    )


# --- a person ---------------------------------------------------------------------------------------------------------


def test_a_person_finds_the_pictures_beside_the_prompt_that_names_them(
    show: Callable[..., Request], store: RepliesInMemory, tmp_path: Path
) -> None:
    (tmp_path / "g001-00.score1.reply.md").write_text("Red.")
    manual = ManualProposer(tmp_path, tell=lambda _: None, timeout_s=5.0, poll_s=0.01)
    [reply] = manual.propose([show(RED, BLUE)], store=store)
    assert reply.text == "Red."
    assert (tmp_path / "g001-00.score1.picture1.png").read_bytes() == RED.content
    assert (tmp_path / "g001-00.score1.picture2.png").read_bytes() == BLUE.content
    page = (tmp_path / "g001-00.score1.prompt.md").read_text()
    assert "- `g001-00.score1.picture1.png`: It is red\n- `g001-00.score1.picture2.png`: It is blue\n" in page
    assert "Attach the 2 pictures, in their order." in page


def test_a_prompt_without_pictures_speaks_of_none(ask: Ask, store: RepliesInMemory, tmp_path: Path) -> None:
    (tmp_path / "g001-00.reply.md").write_text("Code.")
    ManualProposer(tmp_path, tell=lambda _: None, timeout_s=5.0, poll_s=0.01).propose([ask()], store=store)
    assert "picture" not in (tmp_path / "g001-00.prompt.md").read_text()
    assert not list(tmp_path.glob("*.png"))
