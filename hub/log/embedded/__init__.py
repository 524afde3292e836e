"""Apache Kafka itself, embedded: one node on loopback, on a Java from the package index, data in the hub's home.

The story is `EmbeddedBroker.start`: own the folder (``folder``), find Java (``java``) and the jars (``jars``), choose
ports (``ports``), format and run Kafka (``kafka``, ``properties``, ``process``), wait until it serves (``readiness``),
and next time start faster (``aot``).
"""

from hub.log.embedded.broker import EmbeddedBroker, cluster_of, running_address
from hub.log.embedded.errors import EmbeddedBrokerError

__all__ = ["EmbeddedBroker", "EmbeddedBrokerError", "cluster_of", "running_address"]
