"""The bounds that keep the ingress standing, whatever arrives."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Times are in seconds, sizes in bytes. Beyond ``max_requests`` or ``max_buffered`` the answer is 503."""

    max_connections: int = 4096  # open at once; idle ones count
    max_requests: int = 2048  # between their headers and their answer
    max_buffered: int = 256_000_000  # of bodies that are being read or stored, all together
    max_header: int = 32_768  # request line and headers of one request
    max_stored_headers: int = 16_000  # of received headers that are stored with one event
    header_timeout: float = 10.0  # from connecting, or from a request's first byte, to the end of its headers
    body_timeout: float = 15.0  # from the end of the headers to the end of the body
    answer_timeout: float = 15.0  # from the end of the body to Kafka's acknowledgement
    keep_alive: float = 75.0  # an idle connection is kept; longer than the 60 s of common load balancers
    drain_timeout: float = 20.0  # for what is in flight when the ingress is told to stop


DEFAULT = Limits()
