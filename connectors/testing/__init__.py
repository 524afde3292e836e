"""The conformance suite that any connector runs with pytest (and ``pytest-asyncio``), in one statement.

    from connectors.testing import destination_suite

    TestPager = destination_suite(PagerDestination, config={"url": "http://127.0.0.1:9999"})

The built-in connectors run the same suite: see ``tests/contract``.
"""

from connectors.testing.destinations import DestinationSuite, destination_suite
from connectors.testing.examples import BODIES, RECEIVED, context, delivery
from connectors.testing.sources import SourceSuite, source_suite

__all__ = [
    "BODIES",
    "RECEIVED",
    "DestinationSuite",
    "SourceSuite",
    "context",
    "delivery",
    "destination_suite",
    "source_suite",
]
