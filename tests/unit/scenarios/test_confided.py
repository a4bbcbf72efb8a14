"""What a run is told by its environment, so that it stands in no list of processes."""

from __future__ import annotations

import pytest

from loadgen.errors import InputError
from scenarios.confided import confided
from scenarios.settle import settle


def test_headers_go_together_since_flags_hide_a_variable() -> None:
    """One that is a secret takes those with it that say nothing; without one they stay."""
    secret = ["smoke", "--header", "Origin: http://me", "--header", "X-Api-Key: abc", "--users", "5"]
    open_ = ["smoke", "--header", "Origin: http://me"]

    kept, variables = confided(secret)

    assert (kept, variables) == (
        ["smoke", "--users", "5"],
        {"CHATBENCH_HEADER": "Origin: http://me\nX-Api-Key: abc", "CHATBENCH_CONFIDED": "--header"},
    )
    assert settle("smoke", {}, variables).plan_for(("http://x",), "abcdef").headers == (
        ("Origin", "http://me"),
        ("X-Api-Key", "abc"),
    )
    assert confided(open_) == (open_, {})


def test_addresses_with_passwords_are_read_as_they_were_typed() -> None:
    """Those of several nodes, even where a password has a comma, and others that have none."""
    nodes = ["--target", "http://ann:a,b@127.0.0.1:1", "--target", "http://127.0.0.1:2"]
    others = ["--proxy", "http://ann:abc@127.0.0.1:3", "--target-metrics", "http://127.0.0.1:4/m?token=abc"]

    kept, variables = confided(["smoke", *nodes, *others])

    assert kept == ["smoke"]
    settled = settle("smoke", {}, variables)
    assert settled.base_urls == ("http://ann:a%2Cb@127.0.0.1:1", "http://127.0.0.1:2")
    assert settled.access.proxy == "http://ann:abc@127.0.0.1:3"
    assert settled.rows["target.metrics_url"]["value"] == "http://127.0.0.1:4/m?token=***"
    assert confided(["smoke", *nodes[2:]]) == (["smoke", *nodes[2:]], {})


def test_what_was_typed_is_told_of_as_flags() -> None:
    """And what the environment says, of its own accord, as that."""
    typed = ["--header", "X-Api-Key: abc", "--proxy", "http://ann:abc@127.0.0.1:3", "--target", "http://127.0.0.1:1"]

    kept, variables = confided(typed)
    settled = settle("smoke", {"target.url": kept[1]}, variables | {"CHATBENCH_USERS": "7"})

    origins = {key: row["origin"] for key, row in settled.rows.items()}
    assert origins["target.headers.X-Api-Key"] == origins["target.proxy"] == "flag"
    assert origins["users.count"] == "env"
    with pytest.raises(InputError, match=r"^--proxy: "):
        settle("smoke", {"target.url": kept[1]}, variables | {"CHATBENCH_PROXY": "ftp://ann:abc@127.0.0.1:3"})
