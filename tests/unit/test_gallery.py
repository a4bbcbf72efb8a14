"""docs/gallery: what is said of its runs, that nobody's machine is named, and that it lists what is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from benchmarks.gallery.catalogue import Shown, command_of, files_of, in_order, readme, sections_of
from benchmarks.gallery.exhibits import EXHIBITS, Exhibit, of_a_run, of_a_storm
from benchmarks.gallery.neutral import HOST, named_in, neutral
from reports.page import render
from target_app.faults import read_faults
from tests.support.documents import a_document, a_failed_document, an_incidents_document

GALLERY = Path(__file__).parents[2] / "docs/gallery"


def test_a_run_is_told_by_its_verdict_its_load_and_its_times() -> None:
    """With the figures of its document, and no others."""
    assert of_a_run(a_failed_document()).startswith("FAIL: ")
    assert of_a_run(a_document()).endswith(
        "500 users, 20,000 deliveries a second; delivery time p50 3.20 ms, p99 7.36 ms."
    )


def test_a_storm_is_told_by_those_who_came_back() -> None:
    """One of whom some stayed away is told as that."""
    document = an_incidents_document()
    assert of_a_storm(document).startswith(
        "250 of 500 users lost their sockets at one moment: half of them were back after 0.8 s, and not all of "
        "them came back."
    )


def test_a_machine_is_named_nowhere_and_that_is_said() -> None:
    """Neither the host, nor a path: not in what was typed, and not in what a plan or a complaint quotes."""
    document = a_document()
    document["environment"]["host"] = "somebodys-laptop"
    document["run"]["command"] = "chatbench run /home/me/x/scenario.toml --out /home/me/x/out"
    document["plan"]["run.out"] = {"value": "/home/me/x", "origin": "flag"}
    document["errors"] = [{"kind": "refused", "phase": "login", "count": 1, "example": "/home/me/x/server.sock: no"}]

    told = neutral(document, ["/home/me/x", "/home/me"])
    page = render(told, plots=False)

    assert named_in(page, ["somebodys-laptop", "/home/me"]) == []
    assert HOST in page
    assert told["run"]["command"] == "chatbench run scenario.toml --out out"
    assert told["plan"]["run.out"]["value"] == "."
    assert document["environment"]["host"] == "somebodys-laptop", "the document itself stays as it is"


def a_page(name: str, sentence: str) -> Shown:
    return Shown(name, f"About {name}", sentence, "make it", {"cores": 2, "cpu": "A Processor"}, "3 May 2026", "<p>")


def test_each_page_is_shown_with_its_pictures_and_how_it_was_made() -> None:
    """A sentence, both pictures, for light and dark, the command, the machine and the day."""
    section = a_page("calm", "Nothing happened.").section

    assert "3 May 2026, 2 cores of A Processor" in section
    assert "Nothing happened." in section
    assert "`make it`" in section
    for name in files_of("calm"):
        assert name in section


def test_what_is_made_anew_leaves_the_rest_as_it_was() -> None:
    """An hour's run is not made again with each of the short ones; what nobody ordered comes last."""
    old = [a_page("soak", "For an hour.").section, a_page("calm", "Nothing.").section, a_page("storm", "Wind.").section]
    text = readme(old)

    sections = sections_of(text) | {"calm": a_page("calm", "Still nothing.").section}

    assert sections_of(text) == dict(zip(("soak", "calm", "storm"), old, strict=True))
    assert in_order(sections, ["calm", "storm", "never made"]) == [sections["calm"], old[2], old[0]]
    assert readme(in_order(sections_of(text), ["soak", "calm", "storm"])) == text


def test_a_command_is_shown_as_one_would_type_it() -> None:
    """Quoted where a shell would ask for it."""
    assert command_of(("run", "x", "--target", "{target}", "--budget", "a:p(9)<1s")) == (
        "chatbench run x --target URL --budget 'a:p(9)<1s'"
    )


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=lambda exhibit: exhibit.name)
def test_what_an_exhibit_gives_its_commands_can_be_read(exhibit: Exhibit, tmp_path: Path) -> None:
    """And is used."""
    typed = " ".join((*exhibit.arguments, *exhibit.server))
    for name, text in exhibit.files.items():
        assert name in typed
        assert tomllib.loads(text)
        if "--faults" in typed:
            (tmp_path / name).write_text(text, encoding="utf-8")
            assert read_faults(tmp_path / name)
    assert ("{target}" in typed) is bool(exhibit.server)


def test_the_gallery_lists_what_is_there() -> None:
    """And everything that it lists is there; no page of it names a home directory or a folder for passing things."""
    if not GALLERY.exists():
        pytest.skip("no gallery was made yet: make gallery")
    text = (GALLERY / "README.md").read_text(encoding="utf-8")
    listed = set(re.findall(r'(?:srcset="|src="|\]\()([\w.]+)', text))

    assert listed == {path.name for path in GALLERY.iterdir()} - {"README.md"}
    for page in GALLERY.glob("*.html"):
        assert named_in(page.read_text(encoding="utf-8"), ["/tmp/", "/root/", "/home/", "/Users/"]) == []  # noqa: S108
