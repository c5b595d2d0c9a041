"""The command line: exit codes, the doctor, and the demo."""

from __future__ import annotations

import subprocess
import sys

import pytest

import unifml
from unifml import cli
from unifml.core import registry
from unifml.errors import DataError
from unifml.tasks import demo, demo_table, doctor
from unifml.tasks.installed import Need


def test_version(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["--version"])
    assert end.value.code == 0
    assert unifml.__version__ in capsys.readouterr().out


def test_no_command_shows_help(capsys):
    assert cli.main([]) == 0
    assert "doctor" in capsys.readouterr().out


def test_wrong_usage_is_2():
    with pytest.raises(SystemExit) as end:
        cli.main(["nonsense"])
    assert end.value.code == 2


@pytest.mark.parametrize(
    ("raised", "code"), [(DataError("bad rows"), 1), (KeyboardInterrupt(), 130)]
)
def test_errors_and_ctrl_c_have_exit_codes(monkeypatch, capsys, raised, code):
    def fail(**_):
        raise raised

    monkeypatch.setattr(demo, "run_demo", fail)
    assert cli.main(["demo"]) == code
    assert capsys.readouterr().err


def test_the_doctor_ends_with_1_only_if_there_is_a_problem(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "_probe", lambda names: ("cpu", ""))
    assert cli.main(["doctor"]) == 0
    assert "No problems" in capsys.readouterr().out
    monkeypatch.setattr(doctor, "_probe", lambda names: ("", "it broke"))
    assert cli.main(["doctor"]) == 1
    assert "does not load: it broke" in capsys.readouterr().out


def test_the_doctor_names_what_is_missing_and_what_is_too_old(monkeypatch):
    monkeypatch.setattr(doctor, "_probe", lambda names: ("cpu", ""))
    needs = {
        "": [],
        "tune": [Need("optuna", "4.5", "")],
        "plot": [Need("matplotlib", "3.9", "3.1")],
    }
    monkeypatch.setattr(doctor, "extras", lambda: needs)
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    report = doctor.checkup()
    assert 'python -m pip install "unifml[tune]"' in str(report)
    assert "not installed" in str(report)
    assert len(report.problems) == 1
    assert "matplotlib 3.1 is too old" in report.problems[0]


def test_a_backend_that_breaks_the_process_is_a_finding_not_a_crash(monkeypatch):
    code = "import os; os._exit(9)\n"
    monkeypatch.setattr(doctor, "_LOAD", code)
    assert doctor._probe(["any"]) == ("", "exit code 9")


def test_a_backend_is_probed_in_a_fresh_process(backend):
    devices, error = doctor._probe([backend])
    assert error == ""
    assert "cpu" in devices


def test_the_mixed_table_has_real_values_words_and_holes():
    table = demo.mixed_wine(0)
    again = demo.mixed_wine(0)
    assert table.X.equals(again.X)
    words = table.X.select_dtypes(exclude="number")
    assert list(words) == ["color_intensity", "hue"]
    assert words.notna().all(axis=None)
    numbers = table.X.select_dtypes("number")
    assert 0.05 < numbers.isna().to_numpy().mean() < 0.12
    real = demo.load_wine(as_frame=True).data[list(numbers)]
    assert ((numbers == real) | numbers.isna()).all(axis=None)


@pytest.mark.sklearn
def test_a_contender_is_scored_tuned_and_proven(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "SEARCH", {"n_trials": 2, "cv": 2})
    monkeypatch.setattr(demo, "TRAINING", unifml.Training(epochs=2))
    table = demo.mixed_wine(0)
    model = demo._network("sklearn", 0)
    contender = demo._on(table, "network", model, tuned=True)
    row = demo.run_one(contender, 0, tmp_path / "model.onnx")
    assert 0 < row.score <= 1
    assert row.interval[0] <= row.score <= row.interval[1]
    assert row.onnx_difference < 1e-5
    result = demo.Result([row], ["something: not installed"], drawable=True)
    assert "left out: something" in demo_table.as_text(result)
    picture = demo_table.save_picture(result, str(tmp_path / "table.png"))
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_demo_names_what_is_not_installed_and_leaves_it_out(monkeypatch):
    gone = {"optuna", "onnx", "pandas", "matplotlib", "torch", "keras"}
    monkeypatch.setattr(demo, "find_spec", lambda name: None if name in gone else object())
    monkeypatch.setattr(registry, "find_spec", lambda name: None if name in gone else object())
    monkeypatch.setattr(
        demo, "run_one", lambda contender, *_: demo.Row("d", contender.name, 1, (1, 1), 0, 0, None)
    )
    result = demo.run_demo(verbose=0)
    assert [row.model for row in result.rows] == ["random forest", "network on sklearn"]
    assert not result.drawable
    for extra in ("onnx", "tune", "plot", "torch", "keras"):
        assert any(f'pip install "unifml[{extra}]"' in line for line in result.missing)


@pytest.mark.slow
@pytest.mark.cross
def test_the_demo_runs_as_a_command(tmp_path):
    code = "import sys; from unifml.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "demo", "--png", str(tmp_path / "demo.png")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in registry.names():
        assert f"network on {name}" in done.stdout
    assert (tmp_path / "demo.png").stat().st_size > 10_000
