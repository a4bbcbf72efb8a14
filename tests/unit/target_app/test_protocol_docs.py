"""The rooms protocol in docs/server.md is the one that is spoken."""

import json
import re
from pathlib import Path
from typing import Any

from target_app.refusal import ErrorCode
from target_app.rooms_protocol import parse_frame
from target_app.settings import Limits
from target_app.socket_guide import By, common_closes, socket_guides

DOCUMENT = (Path(__file__).parents[3] / "docs" / "server.md").read_text(encoding="utf-8")
_, _, SECTION = DOCUMENT.partition("## The rooms protocol\n")


def documented(by: str) -> list[dict[str, Any]]:
    return [json.loads(frame) for frame in re.findall(rf"^    {by} (.*)$", SECTION, re.MULTILINE)]


def guided(by: By) -> list[dict[str, Any]]:
    """The frames that `/docs` shows, which a server was asked for (tests/contract/test_docs_page.py)."""
    (rooms,) = (guide for guide in socket_guides() if guide.path == "/ws/rooms")
    return [json.loads(frame.example) for frame in rooms.frames if frame.by is by]


def shapes_of(frames: list[dict[str, Any]]) -> set[tuple[str, frozenset[str]]]:
    return {(frame["type"], frozenset(frame)) for frame in frames}


def test_the_frames_of_a_client_are_all_there_and_understood() -> None:
    """Each with an example that may be sent as it stands."""
    frames = documented(">")

    for frame in frames:
        parse_frame(frame, Limits())
    assert {frame["type"] for frame in frames} == {frame["type"] for frame in guided(By.CLIENT)}


def test_the_frames_of_the_server_are_all_there_with_their_fields() -> None:
    """Those of `/docs`, no more and no fewer."""
    assert shapes_of(documented("<")) == shapes_of(guided(By.SERVER))


def test_every_code_of_an_error_is_explained() -> None:
    """Whoever gets one can look it up."""
    assert set(re.findall(r"^\| `(\w+)` \|", SECTION, re.MULTILINE)) == set(ErrorCode)


def test_each_endpoint_has_a_place_of_its_own_in_the_page() -> None:
    """Links point to it; and why any of them may close is told once for all."""
    anchors = [guide.anchor for guide in socket_guides()]

    assert anchors[0] == "WS-ws-rooms"
    assert len(set(anchors)) == len(anchors)
    assert {close.code for close in common_closes()} == {1008, 1009, 1011, 1012, 1013}
