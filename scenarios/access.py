"""How the target is reached - certificates, a proxy, a unix socket - settled, or refused in one line."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from loadgen.engine.tls import tls_context_of
from loadgen.errors import InputError
from loadgen.plan.access import Access, without_passwords
from reports.target_series import EMBEDDED
from scenarios.dialect_files import named_dialects
from scenarios.layers import Layers
from scenarios.own_nodes import what_is_missing
from scenarios.schema import Scenario

# What makes no sense of the embedded server, which is started here and speaks no TLS.
_OF_ANOTHER_SERVER = ("ca", "client_cert", "client_key", "proxy", "unix_socket")
# The named dialects that the embedded server speaks; one in a file may be of it, too.
_OF_OUR_SERVER = frozenset({"reference", "plain", "echo"})
_OF_ONE_PROCESS = frozenset({"plain", "echo"})

_CERTIFICATE = re.compile(rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----")
_KEY = re.compile(rb"-----BEGIN (?:\w+ )*PRIVATE KEY-----")
# The certificates of all authorities together are a quarter of a megabyte.
_MOST_BYTES = 16 * 1024 * 1024


def settle_access(scenario: Scenario, base_urls: Sequence[str], layers: Layers) -> Access:
    """What the target's keys say together; InputError where they contradict each other, or a file is of no use."""
    target = scenario.target
    access = Access(
        verify_tls=not target.insecure,
        ca_file=target.ca,
        client_cert_file=target.client_cert,
        client_key_file=target.client_key,
        proxy=target.proxy,
        unix_socket=target.unix_socket,
    )
    _check_contradictions(access, base_urls, layers)
    _check_files(access, layers)
    if access.proxy is not None:
        _check_proxy(access.proxy, layers.label("target.proxy"))
    if access.unix_socket is not None and not Path(access.unix_socket).is_socket():
        label = layers.label("target.unix_socket")
        raise InputError(f"{label}: expected the path of a unix socket, got {_named(access.unix_socket)}")
    return access


def check_metrics(scenario: Scenario, layers: Layers) -> None:
    """InputError where the server's own figures are asked for of nobody, or of a server that is not ours."""
    target = scenario.target
    if target.metrics_url == EMBEDDED and target.url is not None:
        raise InputError(
            f"{layers.label('target.metrics_url')}: expected an address where the server is not the embedded one "
            f'(--target, target.url), got "{EMBEDDED}"'
        )
    if target.metrics and target.metrics_url is None:
        raise InputError(
            f"{layers.label('target.metrics')}: expected together with --target-metrics (target.metrics_url), which "
            f"says where they are, got {json.dumps(target.metrics)} alone"
        )


def refuse_metrics(scenario: Scenario, place: str, command: str) -> None:
    """InputError where the server's own figures are asked for of a command that does not look at them."""
    if scenario.target.metrics_url is not None:
        raise InputError(
            f"{place}: target.metrics_url: expected none for {command} (chatbench run and capacity look at it), "
            f"got {json.dumps(without_passwords(scenario.target.metrics_url))}"
        )


def why_not_of_our_own(scenario: Scenario, layers: Layers) -> str | None:
    """What to say where the target is the embedded server; None where nothing is asked that it cannot do."""
    for key in _OF_ANOTHER_SERVER:
        value = getattr(scenario.target, key)
        if value is not None:
            return (
                f"{layers.label(f'target.{key}')}: expected together with --target (target.url), since the embedded "
                f"server is reached directly, got {_named(value)} alone"
            )
    if scenario.target.nodes > 1 and (missing := what_is_missing()) is not None:
        return (
            f"{layers.label('target.nodes')}: expected 1 where {missing}, or the addresses of nodes that run already "
            f"(--target, once for each), got {scenario.target.nodes}"
        )
    name = scenario.target.dialect
    if scenario.target.nodes > 1 and name in _OF_ONE_PROCESS:
        return (
            f"{layers.label('target.nodes')}: expected 1 where the dialect is {name}, since what it speaks to is of "
            f"each process by itself, got {scenario.target.nodes}"
        )
    if name in set(named_dialects()) - _OF_OUR_SERVER:
        return (
            f"{layers.label('target.dialect')}: expected together with --target (target.url), since the embedded "
            f'server speaks {", ".join(sorted(_OF_OUR_SERVER))}, got "{name}" alone'
        )
    return None


def _check_contradictions(access: Access, base_urls: Sequence[str], layers: Layers) -> None:
    if access.ca_file is not None and not access.verify_tls:
        raise InputError(
            f"{layers.label('target.ca')}: expected none beside --insecure (target.insecure = true), which takes any "
            f"certificate, got {_named(access.ca_file)}"
        )
    if access.client_key_file is not None and access.client_cert_file is None:
        raise InputError(
            f"{layers.label('target.client_key')}: expected together with --client-cert (target.client_cert), whose "
            f"key it is, got {_named(access.client_key_file)} alone"
        )
    if access.unix_socket is None:
        return
    if access.proxy is not None:
        raise InputError(
            f"{layers.label('target.proxy')}: expected none beside --unix-socket (target.unix_socket), which "
            f"everything goes through, got {_named(access.proxy)}"
        )
    tls = next((url for url in base_urls if url.startswith("https://")), None)
    if tls is not None:
        raise InputError(
            f"{layers.label('target.unix_socket')}: expected a target like http://localhost, since no TLS is spoken "
            f"over a unix socket, got {without_passwords(tls)}"
        )


def _check_files(access: Access, layers: Layers) -> None:
    if access.ca_file is not None:
        label = layers.label("target.ca")
        _check_holds(access.ca_file, _CERTIFICATE, "a file with certificates in PEM", label)
        _check_use(Access(ca_file=access.ca_file), "a file with certificates in PEM", access.ca_file, label)
    certificate, key = access.client_cert_file, access.client_key_file
    if certificate is None:
        return
    label = layers.label("target.client_cert")
    _check_holds(certificate, _CERTIFICATE, "a file with a certificate in PEM", label)
    expected = "its key beside the certificate, or a file of it by --client-key (target.client_key)"
    if key is not None:
        label, expected = layers.label("target.client_key"), f"a file with the key of {certificate} in PEM"
    _check_holds(key or certificate, _KEY, expected, label)
    _check_use(Access(client_cert_file=certificate, client_key_file=key), expected, key or certificate, label)


def _check_holds(path: str, opening: re.Pattern[bytes], expected: str, label: str) -> None:
    try:
        with Path(path).open("rb") as file:
            text = file.read(_MOST_BYTES)
    except OSError as error:
        raise InputError(f"{label}: expected {expected}, got {_named(path)} ({error.strerror})") from None
    if not opening.search(text):
        raise InputError(f"{label}: expected {expected}, got {_named(path)}, which has none")


def _check_use(access: Access, expected: str, path: str, label: str) -> None:
    """A key with a passphrase, one of another certificate, a file that is broken within."""
    try:
        tls_context_of(access)
    except (OSError, ValueError) as error:
        raise InputError(f"{label}: expected {expected}, got {_named(path)} ({_why(error)})") from None


def _why(error: Exception) -> str:
    """What OpenSSL calls it, without the numbers and lines of its source around that."""
    return error.reason.lower().replace("_", " ") if isinstance(error, ssl.SSLError) and error.reason else str(error)


def _check_proxy(proxy: str, label: str) -> None:
    try:
        parts = urlsplit(proxy)
        is_sound = parts.scheme == "http" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_sound = False
    if not is_sound or parts.path not in ("", "/") or parts.query or parts.fragment or not _is_one_word(proxy):
        raise InputError(
            f'{label}: expected an address like "http://proxy.example.org:3128" or "http://name:password@127.0.0.1:3128"'
            f", got {_named(proxy)}"
        )


def _is_one_word(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _named(text: str) -> str:
    return json.dumps(without_passwords(text))
