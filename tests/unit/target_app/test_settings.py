"""Settings: from flags and environment, or one line that says what is wrong."""

import pytest

from target_app.database import Durability
from target_app.settings import Limits, SettingsError, read_settings
from target_app.workers import without_passwords

A_SECRET = "a secret for tests, of 32 bytes or more"


def test_without_flags_it_listens_on_loopback() -> None:
    """And makes a secret of its own, a different one each time."""
    settings = read_settings([], {})

    assert (settings.host, settings.port, settings.accounts_count) == ("127.0.0.1", 8000, 10_000)
    assert settings.secret_is_random
    assert settings.secret != read_settings([], {}).secret


def test_flags_and_variables_are_followed() -> None:
    """A key of one's own opens every address."""
    settings = read_settings(
        ["--host", "0.0.0.0", "--port", "0", "--accounts", "5", "--exit-with-stdin"],
        {"CHATBENCH_ACCOUNTS_KEY": "mine", "CHATBENCH_SECRET": A_SECRET},
    )

    assert (settings.host, settings.port, settings.accounts_count) == ("0.0.0.0", 0, 5)
    assert settings.exit_with_stdin
    assert (settings.accounts_key, settings.secret, settings.secret_is_random) == ("mine", A_SECRET, False)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_the_default_key_is_good_on_loopback(host: str) -> None:
    """Nobody else can reach it there."""
    assert read_settings(["--host", host], {}).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "chat.example", ""])
@pytest.mark.parametrize("environment", [{}, {"CHATBENCH_ACCOUNTS_KEY": ""}, {"CHATBENCH_ACCOUNTS_KEY": "chatbench"}])
def test_the_default_key_is_refused_anywhere_else(host: str, environment: dict[str, str]) -> None:
    """Everybody knows it, so everybody could log in; the line says so and what to do."""
    with pytest.raises(SettingsError, match="set CHATBENCH_ACCOUNTS_KEY"):
        read_settings(["--host", host], environment)


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--port", "x"], "argument --port: expected 0 to 65535, got 'x'"),
        (["--port", "65536"], "argument --port: expected 0 to 65535, got '65536'"),
        (["--accounts", "1.5"], "argument --accounts: expected a whole number, 0 or more, got '1.5'"),
        (["--acc", "1"], "unrecognized arguments: --acc 1"),
        (
            ["--db", "postgresql://a:b@c/d"],
            "argument --db: expected sqlite:///FILE or postgresql+asyncpg://USER:PASSWORD@HOST:PORT/DATABASE,"
            " got 'postgresql://'",
        ),
        (["--durability", "full"], "argument --durability: expected ack or async, got 'full'"),
        (
            ["--origins", "https://a.example,b.example"],
            "argument --origins: expected an origin such as https://app.example, got 'b.example'",
        ),
        (["--workers", "0"], "argument --workers: expected a whole number, 1 or more, got '0'"),
        (["--workers", "2"], "--workers: several processes are one chat by --broker redis://HOST:PORT"),
        (["--broker", "amqp://:secret@host"], "argument --broker: expected redis://HOST:PORT, got 'amqp://'"),
        (["--broker", "redis://"], "argument --broker: expected redis://HOST:PORT, got 'redis://'"),
        (
            ["--broker", "redis://:secret@host"],
            "--broker: servers that are one chat keep their messages in one place; name it with --db",
        ),
        (
            ["--broker", "redis://:secret@host", "--db", "sqlite:///chat.db"],
            "--broker: servers that are one chat take one another's tokens; set CHATBENCH_SECRET, the same for all",
        ),
        (["--instance", ""], "argument --instance: expected 1 to 100 printable characters, got ''"),
    ],
)
def test_a_flag_that_cannot_be_followed_is_named(flags: list[str], complaint: str) -> None:
    """What was wanted and what was found; no abbreviations, as they break when a flag is added."""
    with pytest.raises(SettingsError) as refused:
        read_settings(flags, {})
    assert str(refused.value) == complaint


def test_messages_are_kept_for_one_life_and_as_safe_as_can_be_unless_told_otherwise() -> None:
    """Nothing to set up, nothing left behind; an ack means that the disk has the message."""
    by_default = read_settings([], {})
    told = read_settings(["--db", "sqlite:///chat.db", "--durability", "async"], {})

    assert (by_default.database_url, by_default.durability) == (None, Durability.ACK)
    assert (told.database_url, told.durability) == ("sqlite:///chat.db", Durability.ASYNC)


def test_the_password_of_a_database_is_in_no_picture_of_the_settings() -> None:
    """Settings end up in tracebacks."""
    told = read_settings(["--db", "postgresql+asyncpg://ann:hush@db/chat"], {})

    assert told.database_url == "postgresql+asyncpg://ann:hush@db/chat"
    assert "hush" not in repr(told)


def test_what_may_hold_a_password_can_come_from_the_environment() -> None:
    """Whoever may list processes reads every command line; a flag goes before a variable, an empty one is none."""
    variables = {
        "CHATBENCH_DB": "postgresql+asyncpg://ann:hush@db/chat",
        "CHATBENCH_BROKER": "redis://:hush@bus",
        "CHATBENCH_SECRET": A_SECRET,
    }

    told = read_settings([], variables)
    flagged = read_settings(["--db", "sqlite:///chat.db", "--broker", "redis://other"], variables)
    without = read_settings([], {"CHATBENCH_DB": "", "CHATBENCH_BROKER": ""})

    assert (told.database_url, told.broker_url) == (variables["CHATBENCH_DB"], variables["CHATBENCH_BROKER"])
    assert (flagged.database_url, flagged.broker_url) == ("sqlite:///chat.db", "redis://other")
    assert (without.database_url, without.broker_url) == (None, None)
    with pytest.raises(SettingsError, match=r"^CHATBENCH_BROKER: expected redis://HOST:PORT, got 'amqp://'$"):
        read_settings([], {"CHATBENCH_BROKER": "amqp://:hush@bus"})
    with pytest.raises(SettingsError, match=r"^CHATBENCH_DB: expected sqlite:///FILE or .*, got 'mysql://'$"):
        read_settings([], {"CHATBENCH_DB": "mysql://ann:hush@db/chat"})


def test_no_secret_is_in_a_picture_of_the_settings() -> None:
    """From the key of the accounts follow all their passwords."""
    told = read_settings(
        ["--db", "sqlite:///chat.db", "--broker", "redis://:hush@bus"],
        {"CHATBENCH_ACCOUNTS_KEY": "hush-hush", "CHATBENCH_SECRET": A_SECRET},
    )

    assert (told.broker_url, told.accounts_key) == ("redis://:hush@bus", "hush-hush")
    assert "hush" not in repr(told)


@pytest.mark.parametrize(
    "flags",
    [
        ["--data", "postgresql+asyncpg://ann:hush@db/chat"],
        ["--data=redis://:hush@bus"],
        ["--broker", "redis://:12/hush@bus"],
        ["--broker", "redis://:12?hush@bus"],
        ["--db", "postgresql+asyncpg://ann:12?hush@db/chat"],
        ["--db", "postgresql+asyncpg://ann:12/hush@db"],
    ],
)
def test_what_cannot_be_read_is_told_without_a_password(flags: list[str]) -> None:
    """A flag that there is not, and a password with what should have been quoted."""
    with pytest.raises(SettingsError) as refused:
        read_settings(flags, {"CHATBENCH_SECRET": A_SECRET})

    assert "hush" not in str(refused.value)


def test_workers_are_told_no_password_by_flags() -> None:
    """However the flags are written; all others they have."""
    flags = ["--accounts", "5", "--db", "sqlite:///chat.db", "--broker=redis://:hush@bus", "--lift-limits"]

    assert without_passwords(flags) == ["--accounts", "5", "--lift-limits"]


def test_origins_are_listed_or_repeated() -> None:
    """As browsers write them, so that they can be compared."""
    told = read_settings(
        ["--origins", "https://A.example:443, http://b.example", "--origins", "http://c.example:80"], {}
    )

    assert told.origins == {"https://a.example", "http://b.example", "http://c.example"}
    assert read_settings([], {}).origins == frozenset()


def test_limits_hold_unless_they_are_lifted() -> None:
    """Those per user, per address and a second; what bounds the memory stays."""
    by_default, lifted = read_settings([], {}).limits, read_settings(["--lift-limits"], {}).limits

    assert by_default == Limits()
    assert lifted.connections_per_user > 1_000_000
    assert lifted.wrong_passwords_per_user is lifted.wrong_passwords_per_address is lifted.guests_per_address is None
    assert (lifted.frame_bytes, lifted.outbox_bytes) == (by_default.frame_bytes, by_default.outbox_bytes)


def test_the_cost_of_a_password_can_be_chosen() -> None:
    """OWASP's smallest by default; what argon2 cannot do is refused."""
    by_default = read_settings([], {})
    chosen = read_settings([], {"CHATBENCH_ARGON2_MEMORY_KIB": "65536", "CHATBENCH_ARGON2_PASSES": "3"})

    assert (by_default.argon2_memory_kib, by_default.argon2_passes) == (19_456, 2)
    assert (chosen.argon2_memory_kib, chosen.argon2_passes) == (65_536, 3)
    for variable, text, least in [("MEMORY_KIB", "7", 8), ("PASSES", "0", 1), ("PASSES", "two", 1)]:
        with pytest.raises(SettingsError, match=f"CHATBENCH_ARGON2_{variable}: expected a whole number, {least} or"):
            read_settings([], {f"CHATBENCH_ARGON2_{variable}": text})


def test_there_is_an_admin_where_a_password_was_chosen() -> None:
    """An empty one is none, and it is not in the representation."""
    assert read_settings([], {"CHATBENCH_ADMIN_PASSWORD": ""}).admin_password is None
    chosen = read_settings([], {"CHATBENCH_ADMIN_PASSWORD": A_SECRET})
    assert chosen.admin_password == A_SECRET
    assert A_SECRET not in repr(chosen)


def test_a_short_secret_is_refused() -> None:
    """RFC 7518: HS256 wants 32 bytes; a short secret can be guessed from one token."""
    with pytest.raises(SettingsError, match="CHATBENCH_SECRET: expected at least 32 bytes, got 5"):
        read_settings([], {"CHATBENCH_SECRET": "short"})


def test_the_secret_is_not_in_the_representation() -> None:
    """Settings end up in logs and tracebacks; the secret must not."""
    assert A_SECRET not in repr(read_settings([], {"CHATBENCH_SECRET": A_SECRET}))
