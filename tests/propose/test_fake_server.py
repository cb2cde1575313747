"""The fake server does what it says: otherwise the tests that use it prove nothing."""

from __future__ import annotations

import http.client
import json
import time
from urllib.parse import urlsplit

import pytest

from rewardsmith.propose.fake_server import Body, Drip, Fail, FakeServer, Reset, Say, Stall


def _post(server: FakeServer, body: object = None, *, timeout_s: float = 5.0) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=timeout_s)
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(body or {"model": "m"}), {"X-Test": "yes"})
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()


def test_it_follows_its_script_and_repeats_the_last_line() -> None:
    with FakeServer([Say(text="one"), Fail(status=429, headers={"Retry-After": "3"}), Body(content=b"odd")]) as server:
        first, second, third, fourth = (_post(server) for _ in range(4))
    assert json.loads(first[2])["choices"][0]["message"]["content"] == "one"
    assert (second[0], second[1]["retry-after"]) == (429, "3")
    assert third[2] == fourth[2] == b"odd"


def test_it_remembers_what_it_heard() -> None:
    with FakeServer([Say()]) as server:
        _post(server, {"model": "m", "seed": 4})
    (heard,) = server.heard
    assert (heard.path, heard.headers["x-test"], heard.body["seed"]) == ("/v1/chat/completions", "yes", 4)


def test_a_stall_gives_no_answer() -> None:
    with FakeServer([Stall()]) as server, pytest.raises(TimeoutError):
        _post(server, timeout_s=0.3)


def test_a_drip_outlasts_a_time_out_between_bytes() -> None:
    with FakeServer([Drip(every_s=0.02)]) as server:
        connection = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=1.0)
        connection.request("POST", "/", "{}")
        started = time.monotonic()
        with connection.getresponse() as response:
            assert [response.read(1) for _ in range(20)] == [b" "] * 20
        connection.close()
    assert time.monotonic() - started > 0.3


def test_a_reset_breaks_the_connection() -> None:
    with FakeServer([Reset()]) as server, pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        _post(server)
