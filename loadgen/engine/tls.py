"""How to speak TLS to the server under test, whatever speaks it."""

from __future__ import annotations

import ssl

from loadgen.plan.access import Access


def tls_context(base_url: str, access: Access) -> ssl.SSLContext | None:
    """How to speak TLS to a server; None where ``base_url`` does not start with https://."""
    return tls_context_of(access) if base_url.startswith("https://") else None


def tls_context_of(access: Access) -> ssl.SSLContext:
    """How to speak TLS. OSError where a file cannot be read, or is not what it should be (ssl.SSLError).

    A key with a passphrase is ValueError: nobody is there to be asked for it.
    """
    context = ssl.create_default_context(cafile=access.ca_file)
    if not access.verify_tls:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if access.client_cert_file is not None:
        context.load_cert_chain(access.client_cert_file, access.client_key_file, _no_passphrase)
    return context


def _no_passphrase() -> str:
    raise ValueError("the key has a passphrase")
