"""The port at which Prometheus is told of a run: whoever asks is told the newest, and nobody disturbs it."""

from __future__ import annotations

import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from loadgen.errors import InputError
from scenarios.exporter import Exporter, check_for_several
from tests.support.documents import a_document, a_failed_document
from tests.support.patience import PATIENCE_S
from tests.support.samples import exposed, samples_in, scrape
from tests.support.silent_port import refusing_port, silent_port

pytestmark = pytest.mark.system


def address_in(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def test_whoever_asks_is_told_of_the_newest_document() -> None:
    """Nothing before there is one; where it is found is said, whatever port was free."""
    with Exporter(0) as exporter:
        assert exporter.url.startswith("http://127.0.0.1:")
        assert exporter.url.endswith("/metrics")
        assert scrape(exporter.url) == ""
        for document in (a_document(snapshot=True), a_failed_document()):
            exporter.note(document)

            assert samples_in(scrape(exporter.url)) == samples_in(exposed(document))


def test_a_single_figure_can_be_asked_for() -> None:
    """As of any server that Prometheus' own library makes."""
    with Exporter(0) as exporter:
        exporter.note(a_document(snapshot=True))

        assert samples_in(scrape(f"{exporter.url}?name[]=chatbench_connections")) == {"chatbench_connections": 500}


def test_many_can_ask_at_once() -> None:
    """One that has connected and says nothing keeps nobody waiting, neither who asks nor who closes."""
    with Exporter(0) as exporter, socket.create_connection(address_in(exporter.url), PATIENCE_S):
        exporter.note(a_document(snapshot=True))
        with ThreadPoolExecutor(8) as pool:
            texts = list(pool.map(scrape, [exporter.url] * 40))

    assert set(texts) == {exposed(a_document(snapshot=True))}


def test_a_scraper_that_hangs_up_leaves_no_word(capfd: pytest.CaptureFixture[str]) -> None:
    """Standard error is for the run."""
    with Exporter(0) as exporter:
        for request in (b"", b"GET /metr", b"GET /metrics HTTP/1.1\r\n\r\n", b"\x16\x03\x01\r\n\r\n"):
            with socket.create_connection(address_in(exporter.url), PATIENCE_S) as connection:
                connection.sendall(request)
                # Close with a reset.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        scrape(exporter.url)

    assert capfd.readouterr() == ("", "")


def test_a_port_is_free_as_soon_as_it_is_closed() -> None:
    """The next run has it."""
    with Exporter(0) as first:
        scrape(first.url)
    _, port = address_in(first.url)

    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), PATIENCE_S):
        pass
    with Exporter(port) as second:
        assert second.url == first.url
        assert scrape(second.url) == ""


def test_a_port_that_another_program_has_is_refused() -> None:
    """In a line that names it."""
    with silent_port() as port, pytest.raises(InputError) as caught:
        Exporter(f"127.0.0.1:{port}")

    assert str(caught.value) == f"--prometheus: cannot listen on 127.0.0.1:{port}: Address already in use"


@pytest.mark.parametrize("host", ["192.0.2.1", "a..b"])
def test_an_address_that_is_not_ours_is_refused(host: str) -> None:
    """Or that is none at all."""
    with pytest.raises(InputError, match=rf"^--prometheus: cannot listen on {host}:9464: [A-Z-a-z]"):
        Exporter(f"{host}:9464")


def test_several_runs_need_a_port_that_each_of_them_can_have() -> None:
    """A free one would be another one each time, and nobody is told which; one in use would stop them midway."""
    check_for_several(None)
    check_for_several(refusing_port())
    with pytest.raises(InputError, match=r"^--prometheus: expected a port that all of the runs can have.*, got 0$"):
        check_for_several("0.0.0.0:0")
    with silent_port() as port, pytest.raises(InputError, match="in use"):
        check_for_several(port)
