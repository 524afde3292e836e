"""The scenario that the README shows is one."""

import re
from pathlib import Path

from connectors.sources.gemini.emulator.scenario import load_scenario
from tests.docs import generate


def test_the_readme_s_scenario_is_one(tmp_path: Path) -> None:
    [written] = re.findall(r"^```yml\n(.*?)^```", generate.README.read_text(), re.DOTALL | re.MULTILINE)
    path = tmp_path / "scenario.yaml"
    path.write_text(written)
    assert len(load_scenario(path).jobs) == 2
