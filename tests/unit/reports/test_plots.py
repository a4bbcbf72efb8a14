"""The pictures."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadgen.measure.histogram import Histogram
from reports.figures import metric_of
from reports.plots import FANOUT, PLOTS, draw_all, draw_for_page
from tests.support.documents import (
    a_document,
    a_document_of_five_storms,
    a_failed_document,
    a_storm_document,
    an_incident,
    an_incidents_document,
)
from tests.support.drawings import drawings_of

NAMES = [plot.name for plot in PLOTS]


def drawn(document: dict[str, Any]) -> dict[str, str]:
    return {drawing.plot.name: drawing.wide_svg for drawing in drawings_of(document)}


def test_every_picture_becomes_a_file(tmp_path: Path) -> None:
    """For a wiki, a ticket, a chat."""
    paths = draw_all(a_document(), tmp_path / "plots")

    assert {path.stem for path in paths} == {*NAMES, FANOUT.name}
    assert all(path.parent == tmp_path / "plots" for path in paths)
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


def test_a_picture_without_data_says_so() -> None:
    """An empty frame could mean 0 as well."""
    for name, svg in drawn(a_document(empty=True)).items():
        assert "no data" in svg, name


@pytest.mark.parametrize("document", [{}, {"metrics": {"delivery_time": {"count": 0}}, "series": {}}])
def test_a_document_with_almost_nothing_in_it_is_drawn(document: dict[str, Any]) -> None:
    """A run that died at its start has a report all the same."""
    assert list(drawn(document)) == NAMES


def test_how_far_the_last_receiver_is_behind_the_first_is_drawn_where_there_are_several() -> None:
    """Quantile by quantile, on one axis; of an echo, first and last are the same one, and there is no picture."""
    svg = drawn(a_document())["fanout"]
    echo = a_document()
    echo["metrics"]["fanout_time"] = echo["metrics"]["ack_time"]

    for text in (">last<", ">first<", ">each<", ">fan-out<", ">90 %<"):
        assert text in svg, text
    assert "fanout" not in drawn(echo)


def test_a_fan_out_of_too_few_messages_says_so() -> None:
    """A curve of nine messages would promise more than is known."""
    document = a_document()
    for name in ("first_delivery_time", "last_delivery_time", "fanout_time"):  # of deliveries there are enough
        document["metrics"][name] = _few()

    assert "9 messages are too few: no data" in drawn(document)["fanout"]


def _few() -> dict[str, Any]:
    times = Histogram()
    times.record_many(np.arange(9) * 1_000_000)
    return metric_of(times)


def test_pictures_take_their_colours_from_the_page() -> None:
    """One drawing for dark and light: no colour of its own is left in it."""
    for name, svg in drawn(a_failed_document()).items():
        assert "var(--first)" in svg, name
        assert not re.search(r"(?:fill|stroke): ?#(?!000000)[0-9a-f]{3,6}", svg), name


def test_pictures_on_one_page_do_not_share_ids() -> None:
    """A clip path that belongs to another picture would cut this one off."""
    svgs = [svg for drawing in drawings_of(a_document()) for svg in (drawing.wide_svg, drawing.narrow_svg)]
    ids = [name for svg in svgs for name in re.findall(r' id="([^"]+)"', svg)]

    assert len(ids) == len(set(ids))


def test_a_picture_is_the_same_each_time() -> None:
    """Two reports of one run can be compared."""
    again = {drawing.plot.name: drawing.wide_svg for drawing in draw_for_page(a_document())}

    assert again == drawn(a_document())


def test_a_budget_in_sight_is_drawn_and_one_far_off_is_not() -> None:
    """A limit thirty times higher than anything measured would press the lines flat."""
    assert "budget: p99 under 250 ms" in drawn(a_failed_document())["delivery_over_time"]
    assert "budget" not in drawn(a_document())["delivery_over_time"]


def test_the_machine_is_drawn_beside_generator_and_server() -> None:
    """Descriptors, what sockets hold in the kernel, and what others took of the CPU."""
    svg = drawn(a_document())["generator_and_server"]

    for text in ("open files and sockets", "socket buffers, MB", "machine, % of all cores", ">others<"):
        assert text in svg, text


def test_a_document_of_before_the_machine_was_watched_is_drawn() -> None:
    """Its panels say that they are empty; the others are as they were."""
    document = a_document()
    for name in ("generator_descriptors", "server_descriptors", "machine_cpu_ratio", "others_cpu_ratio"):
        del document["series"][name]
    del document["series"]["socket_memory_bytes"], document["machine"]
    svg = drawn(document)["generator_and_server"]

    assert svg.count("no data") == 3
    assert "CPU, % of a core" in svg


def test_an_incident_is_marked_where_it_happened() -> None:
    """Whoever sees the bump sees the reason; a run without one has no mark."""
    for name in ("delivery_over_time", "connections"):
        assert "reconnect storm, 50 %" in drawn(a_storm_document())[name]
        assert "storm" not in drawn(a_document())[name]


def test_an_incident_that_the_run_did_not_come_to_is_not_marked() -> None:
    """What did not happen explains nothing."""
    document = a_document(interrupted=True)
    document["plan"]["incident"] = a_storm_document()["plan"]["incident"]

    assert "storm" not in drawn(document)["delivery_over_time"]


def test_names_of_incidents_do_not_run_into_one_another() -> None:
    """Shortened where there is less room, and in rows where they would touch."""
    document = a_storm_document()
    incident = document["plan"]["incident"]["value"][0]
    places = ("20%", "60%", "61%", "62%")
    document["plan"]["incident"]["value"] = [incident | {"at": at, "share": 0.1} for at in places]
    wide = drawn(document)["delivery_over_time"]
    narrow = next(d.narrow_svg for d in drawings_of(document) if d.plot.name == "delivery_over_time")

    names = (">reconnect storm, 10 %<", ">storm 10 %<", ">storm<")
    assert [wide.count(name) for name in names] == [3, 0, 1]
    assert [narrow.count(name) for name in names] == [0, 3, 1]


@pytest.mark.parametrize("name", ["delivery_over_time", "connections"])
def test_each_of_many_incidents_is_named_on_a_phone_too(name: str) -> None:
    """Five storms, and eight incidents of which two begin at one instant."""
    stormy, mixed = (
        next(each.narrow_svg for each in drawings_of(document) if each.plot.name == name)
        for document in (a_document_of_five_storms(), an_incidents_document())
    )

    assert len(re.findall(">(?:reconnect )?storm", stormy)) == 5
    for kind in ("herd", "news", "storm", "slow", "cut", "half-open", "expiry", "restart"):
        assert f">{kind}" in mixed, kind


def test_an_incident_is_marked_for_as_long_as_it_took() -> None:
    """A herd that comes within five seconds is no instant."""
    instant, lasting = (
        drawn(a_document(incidents=[an_incident("herd_join", share=0.5, until_s=until_s)]))["throughput"]
        for until_s in (None, 23.0)
    )

    assert lasting.count("opacity: 0.09") == 2
    assert "opacity: 0.09" not in instant


def test_every_time_axis_marks_an_incident() -> None:
    """Whatever one looks at, one sees whether it began there."""
    calm, stormy = drawn(a_document()), drawn(a_document(incidents=[an_incident("server_restart")]))
    panels = {"delivery_over_time": 1, "throughput": 2, "connections": 2, "generator_and_server": 6}

    for name, count in panels.items():
        assert stormy[name].count("<path") - calm[name].count("<path") >= count, name


def test_sockets_that_were_opened_and_closed_are_drawn_beside_the_open_ones() -> None:
    """Whoever is back within the second leaves no dent in the number of open sockets."""
    assert "opened and closed (dashed), a second" in drawn(a_storm_document())["connections"]
    assert "opened a second" in drawn(a_document())["connections"]


def test_an_hour_makes_no_larger_a_page_than_a_browser_likes() -> None:
    """Points are folded before they are drawn."""
    seconds = 3_600
    document = a_document()
    document["phases"] = [{"name": "measure", "start_s": 0.0, "end_s": float(seconds)}]
    document["series"] = {
        name: [None if value is None else float(i % 7) for i, (value, _) in enumerate(pairwise([1] * (seconds + 1)))]
        for name in document["series"]
        if name not in ("interval_s", "t_s")
    } | {"interval_s": 1.0, "t_s": [float(t) for t in range(seconds)]}

    svgs = drawn(document)

    assert sum(map(len, svgs.values())) < 500_000
    assert "each point: the highest of 6" in svgs["delivery_over_time"]


def test_the_drawing_library_is_loaded_only_to_draw() -> None:
    """A terminal and a pull request need no pictures, and start faster without."""
    program = (
        "import sys, reports.terminal, reports.markdown, reports.summary;"
        "sys.exit(bool({'matplotlib', 'jinja2'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
