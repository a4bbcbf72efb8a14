"""What a login needs is there before anything is timed."""

from __future__ import annotations

import sys

import pytest

from loadgen.dialects.requests import prepare
from loadgen.dialects.script import ConnectScript, DialectScript, HttpScript, LoginScript, PublishScript


@pytest.mark.parametrize("login", [None, LoginScript(HttpScript("/login"), "$.token")])
def test_only_a_dialect_with_a_login_loads_what_reads_its_token(
    login: LoginScript | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes 40 ms and 5 MB: the first user must not wait for it, nor a run without a login pay for it."""
    monkeypatch.delitem(sys.modules, "jsonpath", raising=False)

    prepare(DialectScript("some", ConnectScript("/"), PublishScript("{text}"), login=login))

    assert ("jsonpath" in sys.modules) is (login is not None)
