"""Who may try to log in, how often, and as what: members, an admin, guests."""

import json
from collections.abc import Iterator

import pytest

from target_app.settings import Limits
from tests.support.http_answers import Answer, ask
from tests.support.server_process import ServerProcess, close_of, heard, server_process, text_from

pytestmark = pytest.mark.system

ADMIN_PASSWORD = "a password for tests"


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    """One for each test: they all come from the same address."""
    with server_process("--accounts", "100") as running:
        yield running


def tried(server: ServerProcess, name: str, password: str) -> Answer:
    body = json.dumps({"username": name, "password": password}).encode()
    return ask(server, "POST", "/login", body, {"Content-Type": "application/json"})


def limit(of: int | None) -> int:
    assert of is not None
    return of


PER_USER = limit(Limits().wrong_passwords_per_user)
PER_ADDRESS = limit(Limits().wrong_passwords_per_address)
GUESTS = limit(Limits().guests_per_address)


def retry_after_s(answer: Answer) -> int:
    assert answer.status == 429
    return int(answer.headers["Retry-After"])


def test_after_so_many_wrong_passwords_the_right_one_must_wait(server: ServerProcess) -> None:
    """429 says for how many seconds; other users are not held up."""
    assert {tried(server, "user1", "wrong").status for _ in range(PER_USER)} == {401}

    assert 0 < retry_after_s(tried(server, "user1", "password1")) <= Limits().attempts_within_s
    assert tried(server, "user2", "password2").status == 200


def test_a_right_password_forgives_the_wrong_ones_before(server: ServerProcess) -> None:
    """Who mistypes now and then never meets the limit."""
    for _ in range(2):
        assert {tried(server, "user1", "wrong").status for _ in range(PER_USER - 1)} == {401}
        assert tried(server, "user1", "password1").status == 200


def test_right_passwords_are_not_counted(server: ServerProcess) -> None:
    """Thousands may log in from one address, and one user from many places."""
    assert {tried(server, "user1", "password1").status for _ in range(PER_USER + 1)} == {200}
    for _ in range(PER_ADDRESS + 1):
        server.token("user-000001")


def test_one_address_cannot_try_one_password_on_everybody(server: ServerProcess) -> None:
    """Names that nobody has count as well: the answer must not tell them apart."""
    names = [f"user-{number:06d}" for number in range(1, PER_ADDRESS // 2 + 1)]
    names += [f"nobody{number}" for number in range(PER_ADDRESS - len(names))]
    assert {tried(server, name, "letmein").status for name in names} == {401}

    assert retry_after_s(tried(server, "user2", "password2")) > 0


def test_the_limits_are_counted_in_the_figures(server: ServerProcess) -> None:
    """As what they are: turned away at the door."""
    for _ in range(PER_USER + 1):
        tried(server, "user1", "wrong")

    figures = ask(server, "GET", "/metrics").body.decode()
    assert f'chat_logins_total{{outcome="refused"}} {float(PER_USER)}' in figures
    assert 'chat_logins_total{outcome="limited"} 1.0' in figures


def roles(server: ServerProcess, token: str) -> tuple[str, list[str]]:
    with server.connect(f"/ws/rooms?token={token}") as connection:
        welcome = heard(connection)
    return welcome["user"], welcome["roles"]


def test_there_is_no_admin_unless_a_password_was_chosen(server: ServerProcess) -> None:
    """No default password, and the log says what to set."""
    assert {tried(server, "admin", password).status for password in ("admin", "password1", " ")} == {401}
    assert "CHATBENCH_ADMIN_PASSWORD is not set" in server.said()


def test_the_admin_logs_in_with_the_chosen_password() -> None:
    """And is a member, too; the password is nowhere in the log."""
    with server_process(environment={"CHATBENCH_ADMIN_PASSWORD": ADMIN_PASSWORD}) as server:
        grant = tried(server, "admin", ADMIN_PASSWORD).json

        assert roles(server, grant["access_token"]) == ("admin", ["admin", "member"])
        assert tried(server, "admin", "wrong").status == 401
        assert ADMIN_PASSWORD not in server.said()


def test_guests_come_without_an_account_each_under_a_name_of_its_own(server: ServerProcess) -> None:
    """So many a minute from one address: each costs a name and, later, a connection."""
    grants = [ask(server, "POST", "/login/guest").json for _ in range(GUESTS)]
    users = [roles(server, grant["access_token"]) for grant in grants[:3]]

    assert {role for _, given in users for role in given} == {"guest"}
    assert len({user for user, _ in users}) == 3
    assert all(user.startswith("guest-") for user, _ in users)
    assert retry_after_s(ask(server, "POST", "/login/guest")) > 0
    # Guests are no failures: whoever has an account still gets in.
    assert server.token("user1")


def test_a_guest_hears_the_plain_chat_and_is_closed_when_it_speaks(server: ServerProcess) -> None:
    """1008: there is no error frame there. Nobody hears what it said."""
    guest = ask(server, "POST", "/login/guest").json["access_token"]
    with (
        server.connect(f"/ws/chat?token={guest}") as quiet,
        server.connect(f"/ws/chat?token={server.token('user1')}") as member,
    ):
        text_from(quiet)
        member.send("hello")
        assert [text_from(quiet), text_from(quiet)] == ["user1 joined the chat!", "user1: hello"]

        quiet.send("let me in")
        assert close_of(quiet) == (1008, "Guests only read")
        assert [text_from(member), text_from(member)] == ["user1 joined the chat!", "user1: hello"]
        assert text_from(member).endswith(" left the chat!")
