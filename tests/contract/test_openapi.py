"""Requests made from the OpenAPI document, right ones and wrong ones: what the server answers is what it says there."""

from collections.abc import Iterator
from typing import Any

import hypothesis.strategies as st
import pytest
import schemathesis
from hypothesis import given
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import negative_data_rejection

from target_app.app import create_app
from target_app.settings import Settings
from tests.support.hunting import examples
from tests.support.patience import PATIENCE_S
from tests.support.rooms_client import token_for, visitors
from tests.support.server_process import ServerProcess, server_process

pytestmark = [
    pytest.mark.system,
    pytest.mark.hunt,
    # Schemathesis chooses some of what it makes without asking Hypothesis.
    pytest.mark.filterwarnings("ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning"),
]

DOCUMENT = create_app(Settings(argon2_memory_kib=8, argon2_passes=1)).openapi()
OPERATIONS = {
    found.ok().label: found.ok()
    for found in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()
    if isinstance(found, Ok)
}

# One that is there, one with a slash in its name, one for admins.
ROOMS = ["tea", "a/b", "admin:desk"]
# As they stand in a path; the last cannot be the name of a room.
NAMES = [*ROOMS, "a%0Ab"]
ROLES = ["admin", "member", "guest"]


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """A server where something goes on."""
    with server_process("--lift-limits") as running, visitors(running) as people:
        for role in ROLES:
            client = people.arrive(role, role, max_queue=None)
            for room in ROOMS[: 3 if role == "admin" else 2]:
                client.join(room)
        people.arrive("visitor").join("tea").say("tea", *map(str, range(150)))
        yield running


def requests_of(operation: APIOperation[Any, Any, Any, Any]) -> st.SearchStrategy[Case[Any]]:
    """Return those that keep the rules, and those that break them where there is one to break."""
    return st.one_of([operation.as_strategy(generation_mode=mode) for mode in GenerationMode])


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_one_that_the_document_knows(server: ServerProcess, label: str) -> None:
    """Its status, its type, its form, whatever is asked and by whom; and never a fault of ours."""

    @examples(15)
    @given(
        case=requests_of(OPERATIONS[label]), role=st.sampled_from([None, *ROLES]), room=st.sampled_from([None, *NAMES])
    )
    def ask(case: Case[Any], role: str | None, room: str | None) -> None:
        if room is not None and "room" in case.path_parameters:
            case.path_parameters["room"] = room
        headers = {} if role is None else {"Authorization": f"Bearer {token_for(role, role)}"}
        # What was wrong with it may be mended by now; and fields that we do not know are ignored, as they should be.
        mended: list[Any] = [] if role is None and room is None else [negative_data_rejection]
        case.call_and_validate(base_url=server.url, headers=headers, excluded_checks=mended, timeout=PATIENCE_S)

    ask()
    assert "failed" not in server.said()
