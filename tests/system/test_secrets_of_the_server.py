"""What the reference server is told in confidence: in no log, no answer, and no command line of its workers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import psutil
import pytest

from scenarios.target import command_of_our_server
from tests.support.benches import eventually
from tests.support.postgres_server import PASSWORD, QUOTED_PASSWORD, PostgresServer
from tests.support.programs import listening
from tests.support.redis_server import redis_server
from tests.support.server_process import COMMAND, ServerProcess, server_process

pytestmark = pytest.mark.system

A_SECRET = "canary-secret-of-32-bytes-or-more"
AN_ADMINS, A_KEY, A_REDIS_PASSWORD = "canary-admins", "canary-key", "canary-redis"
SECRETS = (A_SECRET, AN_ADMINS, A_KEY, A_REDIS_PASSWORD, PASSWORD, QUOTED_PASSWORD)
VARIABLES = {"CHATBENCH_SECRET": A_SECRET, "CHATBENCH_ADMIN_PASSWORD": AN_ADMINS, "CHATBENCH_ACCOUNTS_KEY": A_KEY}

PATHS = ("/", "/docs", "/openapi.json", "/healthz", "/metrics", "/rooms", "/no-such-path")


def is_degraded(server: ServerProcess) -> bool:
    return bool(server.request("/healthz")[1]["status"] == "degraded")


def test_a_server_and_its_workers_tell_no_secret(postgres: PostgresServer) -> None:
    """Nor when Redis and PostgreSQL go away. A flag is seen in the list of processes: the one that was typed."""
    with redis_server(password=A_REDIS_PASSWORD) as redis:
        database = postgres.new_database()
        flags = ("--workers", "2", f"--db={postgres.url(database)}", "--broker", redis.url)
        with server_process(*flags, environment=VARIABLES) as server:
            workers = psutil.Process(server.process.pid).children()
            shown = [" ".join(worker.cmdline()) for worker in workers]
            assert len(shown) == 2
            assert server.login("admin", AN_ADMINS)[0] == 200
            shown += [str(server.login("admin", f"not-{AN_ADMINS}")), str(server.headers("/healthz"))]
            shown += map(server.text, PATHS)
            redis.kill()
            eventually(lambda: is_degraded(server), "it notices that Redis is gone")
            shown += map(server.text, PATHS)
            assert server.stop() == 0
            shown.append(server.said())

    assert "other servers cannot be reached" in shown[-1]
    for secret in SECRETS:
        assert [text for text in shown if secret in text] == []


def test_a_server_that_cannot_begin_names_no_password(tmp_path: Path) -> None:
    """What it cannot reach is named, in one line, and not how it would have got in."""
    done = subprocess.run(
        [*COMMAND, "--port", "0"],
        cwd=tmp_path,
        env={**os.environ, **VARIABLES, "CHATBENCH_DB": "postgresql+asyncpg://ann:canary@127.0.0.1:1/chat"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 104
    assert "postgresql://ann@127.0.0.1:1/chat" in done.stderr
    assert "canary" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_that_a_run_starts_knows_nothing_of_another_ones_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server of one's own is told by the environment is not for it: it would refuse these, or talk there."""
    monkeypatch.setenv("CHATBENCH_DB", "mysql://nobody")
    monkeypatch.setenv("CHATBENCH_BROKER", "amqp://nobody")

    with listening(command_of_our_server(10)) as server:
        assert server.url.startswith("http://127.0.0.1:")
