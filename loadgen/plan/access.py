"""How connections to the server are made: what is trusted, who we say we are, and what lies between. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Of "http://ann:secret@host": the password, however many @ it has.
_PASSWORD = re.compile(r"(://[^/\s?#:@]*:)[^/\s?#]*@")
# Of "http://secret:@host": a key that has the place of the name.
_NAME_ALONE = re.compile(r"(://)[^/\s?#:@]+:@(?![^/\s?#]*@)")
# Of "/metrics?token=secret": what has such a name; bounded, since a server may repeat anything.
_QUERY = re.compile(
    r"([?&][\w.-]{0,40}(?:pass|pwd|secret|token|jwt|key|auth|session|sid|sig)[\w.-]{0,40}=)[^&#\s'\"]+", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Access:
    """Of all connections of a run alike; files are named by their paths, and read by each process."""

    verify_tls: bool = True
    ca_file: str | None = None
    """Whom to trust, in PEM; None: whom the system trusts."""
    client_cert_file: str | None = None
    """Shown to a server that asks who we are, in PEM."""
    client_key_file: str | None = None
    """None: the key stands beside the certificate."""
    proxy: str | None = None
    """http://, with a name and a password where it wants them: asked to connect us to the server (CONNECT)."""
    unix_socket: str | None = None
    """Everything goes through it, whatever host an address names."""

    @property
    def is_direct(self) -> bool:
        """Whether nothing lies between us and the host that an address names."""
        return self.proxy is None and self.unix_socket is None


DIRECT = Access()
"""As a browser at home: trusts whom the system trusts, and connects to the host that is named."""


def without_passwords(text: str) -> str:
    """The text with *** for the passwords in its URLs, be they before the host or in a query."""
    return _QUERY.sub(r"\1***", _PASSWORD.sub(r"\1***@", _NAME_ALONE.sub(r"\1***:@", text)))
