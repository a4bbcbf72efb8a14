"""What a scenario may say of the way to its target, and what is refused."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loadgen.errors import InputError
from loadgen.plan.access import Access
from scenarios.machine import Machine
from scenarios.settle import Settled, settle
from tests.support.certificates import Authority, authority

TARGET = {"target.url": "https://chat.example.org"}


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[str]:
    """A unix socket."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "chat.sock"))
        yield str(tmp_path / "chat.sock")


def settled(flags: dict[str, Any], machine: Machine | None = None) -> Settled:
    return settle("smoke", flags, {}, machine)


def complaint(**flags: str | bool) -> str:
    with pytest.raises(InputError) as caught:
        settled(TARGET | {f"target.{name}": value for name, value in flags.items()})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_given_is_what_the_plan_has(known: Authority) -> None:
    """All of it, for connections and requests alike."""
    flags = {
        "target.ca": str(known.certificate),
        "target.client_cert": str(known.client_certificate),
        "target.client_key": str(known.client_key),
        "target.proxy": "http://ann:secret@127.0.0.1:3128",
    }

    assert settled(TARGET | flags).plan_for(("https://a",), "abcdef").access == Access(
        ca_file=str(known.certificate),
        client_cert_file=str(known.client_certificate),
        client_key_file=str(known.client_key),
        proxy="http://ann:secret@127.0.0.1:3128",
    )
    assert settled(TARGET | {"target.insecure": "true"}).access == Access(verify_tls=False)
    assert settled({}).access == Access()


def test_no_password_stands_in_the_document(known: Authority) -> None:
    """Neither the proxy's nor the target's."""
    rows = settled(
        {"target.url": ["http://bob:secret@127.0.0.1:1", "http://b"], "target.proxy": "http://ann:secret@127.0.0.1:3"}
    ).rows

    assert rows["target.proxy"]["value"] == "http://ann:***@127.0.0.1:3"
    assert rows["target.url"]["value"] == ["http://bob:***@127.0.0.1:1", "http://b"]
    assert "secret" not in json.dumps(rows)


def test_files_and_sockets_have_variables_that_do_the_same(known: Authority, listening: str) -> None:
    """A pipeline keeps them there, away from its command lines."""
    variables = {
        "CHATBENCH_CA": str(known.certificate),
        "CHATBENCH_CLIENT_CERT": str(known.client_certificate),
        "CHATBENCH_CLIENT_KEY": str(known.client_key),
    }

    access = settle("smoke", TARGET, variables).access
    assert (access.ca_file, access.client_cert_file, access.client_key_file) == tuple(variables.values())
    through = settle("smoke", {"target.url": "http://a"}, {"CHATBENCH_UNIX_SOCKET": listening})
    assert through.access.unix_socket == listening
    assert through.rows["target.unix_socket"] == {"value": listening, "origin": "env"}


# --- contradictions


def test_what_contradicts_itself_is_refused(known: Authority, listening: str) -> None:
    """Each with the place, and what it is that it cannot be together with."""
    key, authorities = str(known.client_key), str(known.certificate)

    assert complaint(client_key=key) == (
        f'--client-key: expected together with --client-cert (target.client_cert), whose key it is, got "{key}" alone'
    )
    assert complaint(ca=authorities, insecure=True) == (
        f"--ca: expected none beside --insecure (target.insecure = true), which takes any certificate, "
        f'got "{authorities}"'
    )
    assert complaint(url="http://a", proxy="http://ann:secret@p", unix_socket=listening) == (
        "--proxy: expected none beside --unix-socket (target.unix_socket), which everything goes through, "
        'got "http://ann:***@p"'
    )
    assert complaint(unix_socket=listening) == (
        "--unix-socket: expected a target like http://localhost, since no TLS is spoken over a unix socket, "
        "got https://chat.example.org"
    )


def test_several_nodes_may_have_one_unix_socket(listening: str) -> None:
    """What stands behind it tells them apart by their hosts."""
    flags = {"target.url": ["http://a", "http://b"], "target.unix_socket": listening}

    assert settled(flags).access == Access(unix_socket=listening)


def test_nodes_of_our_own_need_a_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said what to install, or to do instead; who names the nodes needs none."""
    monkeypatch.setattr("scenarios.own_nodes.shutil.which", lambda _: None)

    with pytest.raises(InputError) as caught:
        settle("cross_node", {}, {}).check_target()
    assert str(caught.value) == (
        "cross_node.toml: target.nodes: expected 1 where redis-server is not installed (apt-get install redis-server), "
        "or the addresses of nodes that run already (--target, once for each), got 2"
    )
    settle("cross_node", {"target.url": ["http://a", "http://b"]}, {}).check_target()


def test_nodes_of_our_own_share_rooms_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one plain room, and an echo, are of each process: half of the deliveries would be lost by plan."""
    monkeypatch.setattr("scenarios.own_nodes.shutil.which", lambda _: "/usr/bin/redis-server")
    settle("cross_node", {}, {}).check_target()

    with pytest.raises(InputError, match=r"target\.nodes: expected 1 where the dialect is plain, since"):
        settle("cross_node", {"target.dialect": "plain"}, {}).check_target()


@pytest.mark.parametrize("name", ["ca", "proxy", "unix_socket"])
def test_the_embedded_server_is_reached_directly(known: Authority, listening: str, name: str) -> None:
    """It is refused where that server would be started, and not before: a web page may still name another."""
    value = {"ca": str(known.certificate), "proxy": "http://p", "unix_socket": listening}[name]
    alone = settled({f"target.{name}": value})

    with pytest.raises(InputError) as caught:
        alone.check_target()
    assert str(caught.value) == (
        f"--{name.replace('_', '-')}: expected together with --target (target.url), since the embedded server is "
        f'reached directly, got "{value}" alone'
    )
    settled({}).check_target()
    settled({"target.url": "http://a", f"target.{name}": value}).check_target()


def test_the_embedded_server_speaks_its_own_dialects() -> None:
    """A dialect of another server needs that server; one in a file may be of ours."""
    with pytest.raises(InputError) as caught:
        settled({"target.dialect": "mqtt"}).check_target()
    assert str(caught.value) == (
        "--dialect: expected together with --target (target.url), since the embedded server speaks echo, plain, "
        'reference, got "mqtt" alone'
    )
    settled({"target.url": "http://a", "target.dialect": "mqtt"}).check_target()
    settled({"target.dialect": "reference"}).check_target()


# --- files


def test_a_file_that_is_not_there_is_named(tmp_path: Path, known: Authority) -> None:
    """Before anything starts."""
    gone, certificate = str(tmp_path / "gone.pem"), str(known.client_certificate)

    assert complaint(ca=gone) == (
        f'--ca: expected a file with certificates in PEM, got "{gone}" (No such file or directory)'
    )
    assert complaint(client_cert=gone).startswith("--client-cert: expected a file with a certificate in PEM, got ")
    assert complaint(client_cert=certificate, client_key=gone).startswith(
        f"--client-key: expected a file with the key of {certificate} in PEM, got "
    )
    assert complaint(ca=str(tmp_path)).endswith("(Is a directory)")


def test_a_file_that_holds_something_else_is_named(tmp_path: Path, known: Authority) -> None:
    """No PEM; a key where a certificate should be; a certificate without its key; one that is broken within."""
    text, broken = tmp_path / "text.pem", tmp_path / "broken.pem"
    text.write_text("hello\n", encoding="utf-8")
    broken.write_text("-----BEGIN CERTIFICATE-----\nhello\n-----END CERTIFICATE-----\n", encoding="utf-8")
    certificate = str(known.client_certificate)

    assert complaint(ca=str(text)) == f'--ca: expected a file with certificates in PEM, got "{text}", which has none'
    assert complaint(ca=str(known.client_key)).endswith("which has none")
    assert complaint(ca=str(broken)).startswith(f'--ca: expected a file with certificates in PEM, got "{broken}" (')
    assert complaint(client_cert=certificate) == (
        "--client-cert: expected its key beside the certificate, or a file of it by --client-key (target.client_key), "
        f'got "{certificate}", which has none'
    )
    assert complaint(client_cert=certificate, client_key=certificate).endswith("which has none")


def test_the_key_must_be_that_of_the_certificate(known: Authority) -> None:
    """OpenSSL says why it is not."""
    other = str(known.folder / "server.key")

    assert complaint(client_cert=str(known.client_certificate), client_key=other) == (
        f'--client-key: expected a file with the key of {known.client_certificate} in PEM, got "{other}" '
        f"(key values mismatch)"
    )


def test_a_key_with_a_passphrase_is_refused(known: Authority, tmp_path: Path) -> None:
    """Nobody is asked for it in the middle of a run."""
    locked = tmp_path / "locked.key"
    command = [
        "openssl",
        "pkcs8",
        "-topk8",
        "-in",
        str(known.client_key),
        "-passout",
        "pass:secret",
        "-out",
        str(locked),
    ]
    subprocess.run(command, check=True, capture_output=True)

    assert complaint(client_cert=str(known.client_certificate), client_key=str(locked)).endswith(
        f'got "{locked}" (the key has a passphrase)'
    )


# --- the proxy and the unix socket


@pytest.mark.parametrize(
    "proxy",
    [
        "127.0.0.1:3128",
        "https://proxy",
        "socks5://proxy",
        "http://",
        "http://proxy:0",
        "http://proxy:many",
        "http://proxy:70000",
        "http://proxy/path",
        "http://proxy?a=b",
        "http://ann:secret@",
        "http://pro xy",
        "http://[::1",
        "",
    ],
)
def test_a_proxy_must_be_the_address_of_one(proxy: str) -> None:
    """An HTTP proxy; its password is not shown even where the rest is wrong."""
    line = complaint(proxy=proxy)

    assert line.startswith('--proxy: expected an address like "http://proxy.example.org:3128" or ')
    assert line.endswith(f", got {json.dumps(proxy.replace('secret', '***'))}")


def test_a_unix_socket_must_be_one(tmp_path: Path) -> None:
    """Neither a file nor nothing."""
    file = tmp_path / "file"
    file.touch()
    for path in (file, tmp_path / "gone"):
        line = complaint(url="http://a", unix_socket=str(path))
        assert line == f'--unix-socket: expected the path of a unix socket, got "{path}"'


def test_only_connections_that_leave_need_ports(listening: str) -> None:
    """Through a unix socket none does; through a proxy all of them leave for the proxy."""
    few_ports = Machine(core_count=1, sockets_per_process=10_000, ephemeral_port_count=100)
    many = {"users.count": "150", "target.url": "http://chat.example.org"}

    with pytest.raises(InputError, match="this machine has 100 ports"):
        settled(many, few_ports)
    with pytest.raises(InputError, match="this machine has 100 ports"):
        settled(many | {"target.url": "http://127.0.0.1:1", "target.proxy": "http://proxy.example.org"}, few_ports)
    nearby = settled(many | {"target.proxy": "http://127.0.0.1:3128"}, few_ports)
    assert nearby.plan_for(("http://a",), "abcdef").source_addresses == ("127.0.0.1", "127.0.0.2")
    through = settled(many | {"target.unix_socket": listening}, few_ports)
    assert through.plan_for(("http://a",), "abcdef").source_addresses == ()


def test_ipv6_has_one_loopback_address_alone(listening: str) -> None:
    """So its ports are all there are."""
    few_ports = Machine(core_count=1, sockets_per_process=10_000, ephemeral_port_count=100)

    assert settled({"target.url": "http://[::1]:8000", "users.count": "90"}, few_ports).base_urls == (
        "http://[::1]:8000",
    )
    with pytest.raises(InputError, match="this machine has 100 ports"):
        settled({"target.url": "http://[::1]:8000", "users.count": "91"}, few_ports)
