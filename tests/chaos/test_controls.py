"""The harness can fail: without a safeguard, the check that is there for it finds the loss.

That with it nothing is lost in the same situations is in the long run, `tests.chaos.run`.
"""

from pathlib import Path

import pytest

from hub.log.connection import KafkaConnection
from hub.log.topics import Topics
from tests.chaos.controls import CONTROLS, perform

pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("name", list(CONTROLS))
async def test_without_a_safeguard_the_loss_is_reported(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path, name: str
) -> None:
    control = CONTROLS[name]
    verdicts = await perform(control, tmp_path, kafka, topics.hub, safe=False)
    assert control.promise in {verdict.promise for verdict in verdicts if not verdict.kept}, verdicts
