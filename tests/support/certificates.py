"""Certificates that nobody vouches for but themselves, and such as an authority of ours vouches for."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

_NEW_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
_OURSELVES = "subjectAltName=IP:127.0.0.1,IP:::1"


def self_signed(folder: Path) -> ssl.SSLContext:
    """What a server needs to speak TLS as 127.0.0.1, with a certificate of its own making: ``certificate.pem``."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    _openssl(f"req -x509 {_NEW_KEY} -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1", key, certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@dataclass(frozen=True, slots=True)
class Authority:
    """Vouches for a server at 127.0.0.1 and ::1, and for a client."""

    folder: Path

    @property
    def certificate(self) -> Path:
        return self.folder / "authority.pem"

    @property
    def client_certificate(self) -> Path:
        return self.folder / "client.pem"

    @property
    def client_key(self) -> Path:
        return self.folder / "client.key"

    def server_context(self, *, asks_who: bool = False) -> ssl.SSLContext:
        """What the server needs to speak TLS; ``asks_who``: to those alone whom the authority vouches for."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "server.pem", self.folder / "server.key")
        if asks_who:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.certificate)
        return context


def authority(folder: Path) -> Authority:
    """One whose certificates and keys lie in ``folder``."""
    made = Authority(folder)
    _openssl(
        f"req -x509 {_NEW_KEY} -subj /CN=authority -addext keyUsage=critical,keyCertSign,cRLSign",
        folder / "authority.key",
        made.certificate,
    )
    signed = f"-CA {made.certificate} -CAkey {folder / 'authority.key'}"
    for name, purpose in (("server", f"-addext {_OURSELVES}"), ("client", "-addext extendedKeyUsage=clientAuth")):
        _openssl(
            f"req -x509 {signed} {_NEW_KEY} -subj /CN={name} -addext basicConstraints=critical,CA:FALSE {purpose}",
            folder / f"{name}.key",
            folder / f"{name}.pem",
        )
    return made


def _openssl(command: str, key: Path, certificate: Path) -> None:
    subprocess.run(
        ["openssl", *command.split(), "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True
    )
