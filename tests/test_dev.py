"""The entrance for people who work here: a clean environment, and processes that live and end together."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

CLONE = Path(__file__).resolve().parents[1]


@pytest.fixture
def dev() -> ModuleType:
    """`dev.py`, which lies beside the rooms and belongs to none."""
    spec = importlib.util.spec_from_file_location("dev", CLONE / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def supervised(tmp_path: Path, procfile: str) -> subprocess.CompletedProcess[str]:
    """Run a Procfile's processes as `./dev run` does, in a process of its own."""
    (tmp_path / "Procfile").write_text(procfile.replace("python", sys.executable))
    program = (
        f"import os, sys; from pathlib import Path; sys.path.insert(0, {str(CLONE)!r}); import dev;"
        f"sys.exit(dev.supervise(dev.read_procfile(Path({str(tmp_path / 'Procfile')!r})), dict(os.environ)))"
    )
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_what_misleads_a_python_is_taken_out_and_the_clone_put_on_the_path() -> None:
    misled = {
        "PATH": os.defpath,
        "PYTHONPATH": "/nowhere",
        "VIRTUAL_ENV": "/nowhere",
        "PIP_TARGET": "/nowhere",
        "PYTHONDONTWRITEBYTECODE": "/nowhere",
    }
    program = f"import sys; sys.path.insert(0, {str(CLONE)!r}); import dev; print(sorted(dev.environment().items()))"
    shown = subprocess.run(
        [sys.executable, "-c", program], env=misled, capture_output=True, text=True, check=True
    )
    assert "/nowhere" not in shown.stdout
    assert f"('PYTHONPATH', '{CLONE}')" in shown.stdout


@pytest.mark.parametrize("given", [["-n", "0"], ["-n4"], ["--pdb"], ["-p", "no:xdist"]])
def test_the_person_decides_about_the_number_of_processes(dev: ModuleType, given: list[str]) -> None:
    assert dev.pytest_arguments(given) == ["-m", "pytest", *given]


def test_three_processes_run_the_tests_otherwise(dev: ModuleType) -> None:
    three = ["-m", "pytest", "-n", "3", "--dist", "worksteal"]
    assert dev.pytest_arguments(["tests/engine"]) == [*three, "tests/engine"]


def test_settings_are_read_without_comments_and_quotes(dev: ModuleType, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# A=1\nB = two words\nC='quoted'\n\nD=a=b\n")
    assert dev.read_settings(tmp_path / ".env") == {"B": "two words", "C": "quoted", "D": "a=b"}
    assert dev.read_settings(tmp_path / "absent") == {}


def test_when_one_process_ends_the_others_are_asked_to_end_too(tmp_path: Path) -> None:
    waits = "import signal, sys; signal.signal(15, lambda *_: sys.exit(print('drained'))); signal.pause()"
    done = supervised(
        tmp_path, f'web: python -c "{waits}"\nclock: python -c "import sys; print(1); sys.exit(7)"\n'
    )
    assert done.returncode == 7
    assert "clock | 1\n" in done.stdout
    assert "clock | ended with status 7; stopping the others.\n" in done.stdout


def test_an_unknown_command_is_answered_with_the_known_ones() -> None:
    done = subprocess.run([CLONE / "dev", "fly"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("There is no ./dev fly. There are:\n./dev demo")


def test_what_the_set_up_says_never_stands_before_a_commands_own_output() -> None:
    """`--json` is read by programs, also at the first start."""
    said = (CLONE / "dev.py").read_text(encoding="utf-8")
    set_up = said[said.index("def set_up") : said.index("def lock")]
    prints = set_up.count("print(")
    assert prints >= 5
    assert set_up.count("file=sys.stderr") == prints


def test_the_usage_names_each_of_its_modules(dev: ModuleType) -> None:
    assert [name for name in dev.MODULES if f"./dev {name} " not in dev.USAGE] == []
    assert [module for module in dev.MODULES.values() if importlib.util.find_spec(module) is None] == []


def test_the_playground_is_in_the_usage_and_says_what_to_install_where_node_is_missing(
    dev: ModuleType, tmp_path: Path
) -> None:
    assert "./dev playground " in dev.USAGE
    done = subprocess.run(
        [sys.executable, "-m", "bot.playground", "--data", str(tmp_path / "desk")],
        cwd=CLONE,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "The playground needs Node 20 or newer with npm. Install it, then try again." in done.stderr
    assert not (tmp_path / "desk").exists()
