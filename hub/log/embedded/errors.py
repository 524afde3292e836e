"""Why the embedded broker does not run. Every message says what happened, where, and what to do next.

EmbeddedBrokerError
├── JarsUnavailableError      Kafka's jars cannot be fetched (offline?)
├── JarsMismatchError         they are not the ones whose SHA-256 sums the hub knows
├── JavaError                 no Java, too old, or it does not run
├── DataFolderError           not writable, or the disk is full
├── DataFolderInUseError      another hub runs on the same folder
├── DataVersionError          the folder was written by a newer Kafka, or not by a hub
├── PortInUseError            no port is free among those allowed
└── BrokerStartError          Kafka ended, or did not answer in time; with the last lines of its log
"""


class EmbeddedBrokerError(RuntimeError):
    """The embedded broker cannot run; `str` is meant for a person."""


class JarsUnavailableError(EmbeddedBrokerError):
    pass


class JarsMismatchError(EmbeddedBrokerError):
    pass


class JavaError(EmbeddedBrokerError):
    pass


class DataFolderError(EmbeddedBrokerError):
    pass


class DataFolderInUseError(EmbeddedBrokerError):
    pass


class DataVersionError(EmbeddedBrokerError):
    pass


class PortInUseError(EmbeddedBrokerError):
    pass


class BrokerStartError(EmbeddedBrokerError):
    pass
