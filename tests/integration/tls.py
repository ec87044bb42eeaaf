"""A venue behind TLS: its certificate says localhost and vouches for itself, until 2120; the key guards nothing."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

CERTIFICATE = """-----BEGIN CERTIFICATE-----
MIIBVzCB/qADAgECAgEBMAoGCCqGSM49BAMCMB8xHTAbBgNVBAMMFGEgdmVudWUg
b2YgdGhlIHRlc3RzMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAf
MR0wGwYDVQQDDBRhIHZlbnVlIG9mIHRoZSB0ZXN0czBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABCOtjajSVAmk2zVipGSxHhzDXCOWvV5Vq/3blMKy0bGdwts7YHmT
MeuCeYthk6XNZt2iuJp1rqxcCAn5hhDwA7GjKTAnMBQGA1UdEQQNMAuCCWxvY2Fs
aG9zdDAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQDMpt9r81+w
+nHIr+5C0JINMXoytsUfrgdpbNFFO7OyYgIgASDW0zkD0docF4EvOXJkpqga2oWh
0NPiVdj2LnFDEwA=
-----END CERTIFICATE-----
"""
KEY = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgQ5yX9Le6GVIuJtKr
hjzRDy/saljhJgv1pvPQ0awfDX2hRANCAAQjrY2o0lQJpNs1YqRksR4cw1wjlr1e
Vav925TCstGxncLbO2B5kzHrgnmLYZOlzWbdoriada6sXAgJ+YYQ8AOx
-----END PRIVATE KEY-----
"""

Served = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def served_over_tls(folder: Path, served: Served) -> AsyncIterator[str]:
    """Yield the address of what `served` answers to."""
    certificate, key = folder / "venue.pem", folder / "venue.key"
    certificate.write_text(CERTIFICATE)
    key.write_text(KEY)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(served, "localhost", 0, ssl=context)
    async with server:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}"
