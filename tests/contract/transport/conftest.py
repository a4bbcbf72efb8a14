"""Each test of this folder is run with each transport."""

from functools import partial

import pytest

from loadgen.engine.transport import Transport
from loadgen.engine.transport.picows_transport import PicowsTransport
from loadgen.engine.transport.websockets_transport import WebsocketsTransport
from loadgen.plan.access import DIRECT, Access
from tests.support.transports import MakeTransport

reading_together = partial(PicowsTransport, reads_together=True)


@pytest.fixture(
    params=[PicowsTransport, reading_together, WebsocketsTransport], ids=["picows", "together", "websockets"]
)
def make_transport(request: pytest.FixtureRequest) -> MakeTransport:
    def make(
        base_url: str,
        headers: tuple[tuple[str, str], ...] = (),
        *,
        access: Access = DIRECT,
        timeout_s: float = 10.0,
        local_address: str | None = None,
    ) -> Transport:
        transport: Transport = request.param(
            base_url, headers, access=access, timeout_s=timeout_s, local_address=local_address
        )
        return transport

    return make
