"""What the records of ``hub.controls`` add up to: the last one of each destination counts. Pure."""

from collections.abc import Mapping

from hub.log.ledger import decode_control
from hub.log.record import MalformedRecordError
from schemas.control import Control


class ControlTable:
    """Learns records in the order of their partition."""

    def __init__(self) -> None:
        self._controls: dict[str, Control] = {}

    def learn(self, key: bytes | None, value: bytes | None) -> None:
        """Take in one record. One without a value undoes those before it with its key, as compaction would.

        Raises:
            NewerFormatError
            MalformedRecordError: it is not a hub's; nothing changed.
        """
        if key and value is None:
            self._controls.pop(key.decode(errors="replace"), None)
            return
        control = decode_control(value)
        if key != control.destination.encode():
            raise MalformedRecordError(f"not a control: its key is {key!r}, not the destination {control.destination}")
        self._controls[control.destination] = control

    def discarded(self) -> Mapping[str, Control]:
        """The destinations whose backlog somebody gave up."""
        return {name: control for name, control in self._controls.items() if control.discard}

    def paused(self) -> Mapping[str, Control]:
        """The destinations that are paused now, and what paused each."""
        return {name: control for name, control in self._controls.items() if control.paused}
