"""`make audit` with a service of advisories of our own: what fails the check, and what is said where it cannot look."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.advisories import audit
from tests.support.silent_port import refusing_port

SKIPPED = "!! pip-audit SKIPPED, nobody has looked for known faults of our dependencies: "
A_FAULT = {
    "id": "PYSEC-0-1",
    "summary": "It does what it should not.",
    "affected": [
        {
            "package": {"name": "picows", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.0"}]}],
        }
    ],
}


@contextmanager
def a_service(status: int, faults: dict[str, object]) -> Iterator[str]:
    """Answer every question about a package with its fault, or with none; where it is asked."""

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            fault = faults.get(asked["package"]["name"])
            body = json.dumps({} if fault is None else {"vulns": [fault]}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/query"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two packages of one version each; a proxy is for what is far away."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = tmp_path / "requirements.lock"
    path.write_text("picows==2.3.0\nnumpy==2.0.0\n", encoding="utf-8")
    return path


def test_a_known_fault_of_a_dependency_fails_the_check(lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named, and the version that has it no more."""
    with a_service(200, {"picows": A_FAULT}) as url:
        code = audit(url, lock)

    said = capsys.readouterr().out
    assert code == 1
    assert "PYSEC-0-1" in said
    assert "99.0" in said
    assert "numpy" not in said


def test_no_known_fault_passes(lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And is said to be none."""
    with a_service(200, {}) as url:
        assert audit(url, lock) == 0

    assert "No known vulnerabilities found" in capsys.readouterr().out


def test_a_service_that_does_not_answer_is_told_loudly(lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody takes that for a pass; a machine without a network can be worked on."""
    with a_service(503, {}) as url:
        assert audit(url, lock) == 0
    assert capsys.readouterr().out.startswith(SKIPPED)

    assert audit(f"http://127.0.0.1:{refusing_port()}/", lock) == 0
    assert capsys.readouterr().out.startswith(f"{SKIPPED}127.0.0.1: ")
