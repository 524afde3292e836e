"""The image: its build steps work, and what they make is a hub.

There is no container engine here. The steps of the build stage are run one after the other in a folder that plays the
image's root, with this Python in the place of the base image's; of the final stage, which makes a user, the shell only
reads the steps.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(600)

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "charts" / "image" / "Dockerfile"


@dataclass
class Stage:
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def of(self, instruction: str) -> list[str]:
        return [arguments for name, arguments in self.steps if name == instruction]


def stages() -> list[Stage]:
    found: list[Stage] = []
    text = re.sub(r"\\\n", " ", DOCKERFILE.read_text())
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        instruction, _, arguments = line.partition(" ")
        if instruction == "FROM":
            found.append(Stage(arguments))
        else:
            found[-1].steps.append((instruction, arguments))
    return found


class Scratch:
    """A folder as the root of an image. Absolute paths of the steps are below it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder = root
        self._environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL", "HUB_"))},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }

    def inside(self, path: str) -> Path:
        return self._root / path.lstrip("/") if path.startswith("/") else self._folder / path

    def run(self, command: str) -> "subprocess.CompletedProcess[str]":
        here = re.sub(r"(?<![\w.])/(opt|src|var)/", f"{self._root}/\\1/", command)
        done = subprocess.run(
            ["sh", "-ec", here], cwd=self._folder, env=self._environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done

    def build(self, stage: Stage) -> None:
        for instruction, arguments in stage.steps:
            if instruction == "WORKDIR":
                self._folder = self.inside(arguments)
                self._folder.mkdir(parents=True, exist_ok=True)
            elif instruction == "COPY":
                *sources, target = shlex.split(arguments)
                for source in sources:
                    self._copy(ROOT / source, self.inside(target))
            elif instruction == "RUN":
                self.run(arguments.replace("--no-cache-dir", "--quiet --disable-pip-version-check"))
            else:
                raise AssertionError(f"the build stage has a step that is not played here: {instruction}")

    def _copy(self, source: Path, target: Path) -> None:
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        else:
            shutil.copy(source, target / source.name if target.is_dir() else target)


def test_the_steps_make_a_hub(tmp_path: Path) -> None:
    build, final = stages()
    scratch = Scratch(tmp_path)
    scratch.build(build)
    assert final.of("COPY") == ["--from=build /opt/hub /opt/hub"]
    (tmp_path / "src" / "hub.yaml").write_text(
        "version: 1\ndestinations: {a: {type: object_store, url: x, format: parquet}}\nroutes: [{id: all, to: a}]\n"
    )
    [entry] = final.of("ENTRYPOINT")
    assert entry == '["hub"]'
    assert "Usage: hub" in scratch.run("/opt/hub/bin/hub --help").stdout
    assert "1 destination, 1 route" in scratch.run("/opt/hub/bin/hub check hub.yaml").stdout
    packages = {path.name.partition("-")[0] for path in (tmp_path / "opt/hub").rglob("*.dist-info")}
    assert {"boto3", "pyarrow", "event_hub"} <= packages
    assert not {"pytest", "ruff", "mypy", "pip", "setuptools"} & packages, "what builds and tests it stays behind"


def test_it_runs_as_nobody_and_keeps_nothing_of_the_build() -> None:
    build, final = stages()
    assert build.base.split(" ")[0] == final.base
    [user] = final.of("USER")
    assert user == "10001:10001", "the chart runs it as this user"
    for command in final.of("RUN"):
        assert subprocess.run(["sh", "-nc", command], check=False).returncode == 0
    assert f"--uid {user.partition(':')[0]}" in " ".join(final.of("RUN"))
    assert "pip" not in " ".join(final.of("RUN"))
