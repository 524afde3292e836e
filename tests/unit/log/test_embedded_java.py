"""Java: the packaged one by default, another one only if it can run Kafka."""

from pathlib import Path

import pytest

from hub.log.embedded.errors import JavaError
from hub.log.embedded.java import find_java


def fake_java(path: Path, says: str, *, exit_code: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ncat >&2 <<'EOF'\n{says}\nEOF\nexit {exit_code}\n")
    path.chmod(0o755)
    return path


def test_the_packaged_java_is_the_default_and_can_train() -> None:
    java = find_java()

    assert java.version >= 25
    assert java.executable.is_file()
    assert java.can_train


@pytest.mark.parametrize(
    ("says", "version"),
    [('java version "1.8.0_392"', 8), ('openjdk version "11.0.2" 2019-01-15', 11), ('openjdk version "16" 2021', 16)],
)
def test_an_old_java_is_refused(tmp_path: Path, says: str, version: int) -> None:
    java = fake_java(tmp_path / "java", says)

    with pytest.raises(JavaError, match=rf"{java} is Java {version}, .* needs 17 or newer; unset HUB_JAVA"):
        find_java(java)


def test_a_java_home_is_as_good_as_its_executable(tmp_path: Path) -> None:
    java = fake_java(tmp_path / "bin" / "java", 'openjdk version "17.0.9" 2023-10-17')

    assert find_java(tmp_path).executable == java


def test_flags_that_an_older_java_does_not_know_are_left_out(tmp_path: Path) -> None:
    java = find_java(fake_java(tmp_path / "java", 'openjdk version "17.0.9" 2023-10-17'))

    assert not [flag for flag in java.flags() if flag.startswith("--")]
    assert not java.can_train


def test_a_missing_java_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(JavaError, match=r"cannot run .*nowhere.*unset HUB_JAVA"):
        find_java(tmp_path / "nowhere")


def test_a_java_that_fails_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(JavaError, match=r"cannot run .*unset HUB_JAVA"):
        find_java(fake_java(tmp_path / "java", "libjvm.so is missing", exit_code=1))


def test_a_program_that_is_no_java_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JavaError, match="does not name a version: 'hello'"):
        find_java(fake_java(tmp_path / "java", "hello"))
