"""What every answer of the reference server has in common, whoever gives it."""

import re
import time
from collections.abc import Iterator
from datetime import datetime

import pytest
from websockets.exceptions import InvalidStatus

from tests.support.http_answers import Answer, ask
from tests.support.patience import PATIENCE_S
from tests.support.server_process import COMMAND, ServerProcess, close_of, server_process

pytestmark = pytest.mark.system

A_SECRET = "s3cr3t"

# A fault in an endpoint, and one in the middle of a handshake.
BROKEN = """
from target_app import __main__, inspection, protected
inspection._client = None
protected.admit = None
raise SystemExit(__main__.main())
"""


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with server_process() as running:
        yield running


@pytest.fixture(scope="module")
def broken() -> Iterator[ServerProcess]:
    with server_process(command=[*COMMAND[:1], "-c", BROKEN]) as running:
        yield running


def assert_stamped(headers: dict[str, str]) -> None:
    by_name = {name.lower(): value for name, value in headers.items()}
    assert re.fullmatch(r"[0-9a-f]{16}", by_name["x-request-id"])
    assert re.fullmatch(r"app;dur=\d+\.\d\d", by_name["server-timing"])
    at = datetime.fromisoformat(by_name["x-server-time"])
    assert at.tzinfo is not None
    assert at.timestamp() == pytest.approx(time.time(), abs=PATIENCE_S)


def assert_a_problem(answer: Answer, status: int) -> None:
    """JSON with the reason, stamped, and without what was sent."""
    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json["detail"]
    assert A_SECRET not in answer.body.decode()
    assert_stamped(dict(answer.headers))


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", f"/nowhere/{A_SECRET}?token={A_SECRET}", None, 404),
        ("GET", f"/login?token={A_SECRET}", None, 405),
        ("POST", "/login", f'{{"username": "", "password": ["{A_SECRET}"]}}'.encode(), 422),
        ("POST", "/login", f'{{"username": "ann", "password": "{A_SECRET}"}}'.encode(), 401),
        ("POST", "/login", f'"{A_SECRET}"'.encode() * 10_000, 413),
    ],
)
def test_every_refusal_is_json_and_stamped_and_repeats_nothing(
    server: ServerProcess, method: str, path: str, body: bytes | None, status: int
) -> None:
    """404 and 405 come from no endpoint of ours, and are like all others."""
    assert_a_problem(ask(server, method, path, body, {"Content-Type": "application/json"}), status)


def test_a_fault_of_ours_is_500_and_found_in_the_log_by_its_id(broken: ServerProcess) -> None:
    """The client learns nothing but the id; the log has the traceback beside it, and no token."""
    answer = ask(broken, "GET", f"/items/?token={A_SECRET}")

    assert_a_problem(answer, 500)
    assert answer.json == {"detail": "Internal Server Error"}
    said = broken.said()
    assert f"request {answer.headers['X-Request-ID']}: /items/ failed\nTraceback" in said
    assert A_SECRET not in said


def test_a_fault_of_ours_in_a_handshake_is_500_too(broken: ServerProcess) -> None:
    """Not yet accepted, a WebSocket is answered over HTTP."""
    with pytest.raises(InvalidStatus) as refused, broken.connect(f"/ws/protected?token={A_SECRET}"):
        pass

    assert refused.value.response.status_code == 500
    assert_stamped(dict(refused.value.response.headers))
    assert A_SECRET not in broken.said()


def test_an_answer_that_went_well_is_stamped(server: ServerProcess) -> None:
    """Each with an id of its own."""
    answers = [ask(server, "GET", "/healthz") for _ in range(2)]

    for answer in answers:
        assert answer.status == 200
        assert_stamped(dict(answer.headers))
    assert answers[0].headers["X-Request-ID"] != answers[1].headers["X-Request-ID"]


def test_a_handshake_is_stamped(server: ServerProcess) -> None:
    """The 101 of a WebSocket, whatever becomes of it."""
    with server.connect("/ws/rooms") as connection:
        assert connection.response is not None
        assert_stamped(dict(connection.response.headers))
        assert close_of(connection)[0] == 1008


def test_a_websocket_to_nowhere_is_404(server: ServerProcess) -> None:
    """With a reason, where uvicorn alone would say 403 and nothing else."""
    with pytest.raises(InvalidStatus) as refused, server.connect(f"/nowhere?token={A_SECRET}"):
        pass

    response = refused.value.response
    assert response.status_code == 404
    assert bytes(response.body or b"") == b'{"detail":"Not Found"}'
    assert_stamped(dict(response.headers))


@pytest.mark.parametrize(
    ("given", "taken"), [("order-7.retry_2", True), ("a b", False), ("x" * 65, False), ("", False)]
)
def test_a_client_may_bring_its_own_request_id(server: ServerProcess, given: str, taken: bool) -> None:
    """So that one id goes through several servers; one that could spoil a log is replaced."""
    answer = ask(server, "GET", "/nowhere", headers={"X-Request-ID": given})

    assert (answer.headers["X-Request-ID"] == given) is taken
    assert answer.headers["X-Request-ID"]
