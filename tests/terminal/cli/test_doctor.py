from __future__ import annotations

import json
from argparse import Namespace
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from terminal.cli import doctor as module
from terminal.cli.doctor import doctor, examine, has_display
from terminal.settings import Settings


def states(folder: Path) -> dict[str, str]:
    return {finding.what: finding.state for finding in examine(folder)}


def test_a_sound_machine_passes_and_nothing_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(Namespace(data_dir=str(tmp_path / "new"), json=False)) == 0
    text = capsys.readouterr().out
    assert "numba" in text
    assert f"{tmp_path / 'new'} (made on the first start)" in text
    assert not (tmp_path / "new").exists()


def test_json_is_json_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    doctor(Namespace(data_dir=str(tmp_path), json=True))
    rows = json.loads(capsys.readouterr().out)
    assert {"what", "state", "detail", "remedy"} == set(rows[0])


def test_a_missing_package_is_told_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def version(name: str) -> str:
        if name == "numba":
            raise PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(module, "version", version)
    assert doctor(Namespace(data_dir=str(tmp_path), json=False)) == 1
    assert "MISSING numba                  not installed; run `make run`, which installs it" in capsys.readouterr().out


def test_a_missing_library_is_told_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "_can_load", lambda library: library not in ("libEGL.so.1", "libxcb-cursor.so.0"))
    found = {finding.what: finding for finding in examine(tmp_path)}
    assert (found["libEGL.so.1"].state, found["libEGL.so.1"].remedy) == ("missing", "sudo apt-get install libegl1")
    assert found["libxcb-cursor.so.0"].state == "note"


def test_what_lies_in_the_data_folder_is_counted(tmp_path: Path) -> None:
    bars = tmp_path / "history" / "bars" / "NSE" / "TCS"
    bars.mkdir(parents=True)
    (bars / "60.parquet").write_bytes(b"x" * 2000)
    (tmp_path / "kill.latch").write_text("", encoding="utf-8")
    found = {finding.what: finding for finding in examine(tmp_path)}
    assert found["history"].detail.startswith("1 files, 2.0 kB")
    assert found["kill switch"].state == "note"


def test_bad_settings_are_found(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("[Nonsense]\n", encoding="utf-8")
    assert states(tmp_path)["settings"] == "missing"


def test_the_password_of_a_database_is_not_shown(tmp_path: Path) -> None:
    Settings.load(tmp_path).change(database="postgresql://me:hush@host/db")
    assert "hush" not in " ".join(finding.detail for finding in examine(tmp_path))


def test_a_display_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert not has_display()
    monkeypatch.setenv("DISPLAY", ":1")
    assert has_display()
    monkeypatch.delenv("DISPLAY")
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert has_display()
