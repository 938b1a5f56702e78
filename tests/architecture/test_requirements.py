"""What is installed is locked, hashed, and names no address to fetch it from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LISTS = ("runtime", "dev")


def listed(kind: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{kind}.txt").read_text()
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text, flags=re.MULTILINE))


@pytest.mark.parametrize("kind", LISTS)
def test_each_locked_package_has_a_hash_and_the_list_no_address(kind: str) -> None:
    text = (ROOT / "requirements" / f"{kind}.txt").read_text()
    assert "://" not in text
    assert "--index" not in text
    blocks = re.split(r"\n(?=\w)", text)
    assert len(blocks) > 20
    for block in blocks:
        assert "--hash=sha256:" in block, block.splitlines()[0]


def test_the_runtime_list_is_part_of_the_development_list() -> None:
    runtime, dev = listed("runtime"), listed("dev")
    assert runtime
    assert {name: dev.get(name) for name in runtime} == runtime


def test_each_dependency_is_locked_and_says_why_it_is_there() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    wanted = tomllib.loads(text)["project"]["dependencies"]
    locked = listed("runtime")
    for requirement in wanted:
        name = re.split(r"[<>=\[]", requirement)[0]
        assert name.lower() in locked, f"{name} is not locked; run `make lock`"
        line = next(line for line in text.splitlines() if f'"{requirement}"' in line)
        assert "# " in line, f"{name} gives no reason"
