"""The entrance for people who work on FlowPilot: `./dev`. Sets up what is missing, then runs the command."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn

CLONE = Path(__file__).resolve().parent
VENV = CLONE / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = CLONE / "requirements.lock"
STAMP = VENV / "flowpilot-ready"
UNFINISHED = VENV / "flowpilot-unfinished"
STOP_SECONDS = 30.0

USAGE = """\
./dev demo            try FlowPilot here, with a practice ConnectWise and no accounts
./dev playground      the same in Microsoft's Agents Playground, a client like Teams (needs Node)
./dev test [...]      run the tests (arguments go to pytest; three processes unless you give -n)
./dev check           the whole gate: format, lint, types, layers, tests (--no-test leaves them out)
./dev run             web, worker and clock together, from Procfile and .env
./dev flowpilot [...] the product's own command, with the settings of .env
./dev bench           measure speed
./dev eval            play written cases: Claude with a key, else the offline guide
./dev chaos           kill things while work is under way, and count what is lost
./dev python [...]    the project's Python
./dev lock            renew requirements.lock from pyproject.toml (needs uv)"""

MODULES = {
    "demo": "bot.demo",
    "playground": "bot.playground",
    "bench": "bench",
    "eval": "bench.evaluation",
    "chaos": "bench.chaos",
}

ROOMS = ("bot", "engine", "storage", "demo", "bench")

LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"

CHECKS = (
    ("Format", ["-m", "ruff", "format", "--check"], "./dev python -m ruff format mends it"),
    ("Lint", ["-m", "ruff", "check"], "./dev python -m ruff check --fix mends much of it"),
    ("Types", ["-m", "mypy"], "./dev python -m mypy looks at this alone"),
    ("Layers", ["-c", LINT_IMPORTS], "pyproject.toml holds the contracts"),
)

# What a person's shell may hold that would lead another Python, or pip, astray.
MISLEADING = (
    # Without its compiled files, every process of every test would compile all of them anew.
    "PYTHONDONTWRITEBYTECODE",
    *("PYTHONHOME", "PYTHONPATH", "PYTHONSAFEPATH", "PYTHONSTARTUP", "PYTHONUSERBASE"),
    *("VIRTUAL_ENV", "CONDA_PREFIX", "__PYVENV_LAUNCHER__"),
    *("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV"),
    *("UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_TARGET"),
)


def main(arguments: list[str]) -> int:
    """Run one command; returns its exit status, where the command does not take over the process."""
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(USAGE)
        return 0
    name, rest = arguments[0], arguments[1:]
    if name not in {*MODULES, "test", "check", "run", "python", "lock", "flowpilot"}:
        stop(f"There is no ./dev {name}. There are:\n{USAGE}", status=2)
    if name == "lock":
        return lock()
    set_up()
    if name == "python":
        become([str(PYTHON), *rest])
    os.chdir(CLONE)
    if name == "check":
        return check(rest)
    if name == "run":
        return run()
    if name == "flowpilot":
        become([str(PYTHON), "-m", "bot.cli", *rest], read_settings(CLONE / ".env"))
    if name == "test":
        compile_rooms()
    settings = read_settings(CLONE / ".env") if name == "eval" else None
    return become(
        [str(PYTHON), *(pytest_arguments(rest) if name == "test" else ["-m", MODULES[name], *rest])], settings
    )


def stop(message: str, status: int = 1) -> NoReturn:
    """End with a sentence."""
    print(message, file=sys.stderr)
    sys.exit(status)


def become(command: list[str], settings: Mapping[str, str] | None = None) -> NoReturn:
    """Turn into the command, so that signals and the exit status are its own. The environment outdoes `settings`."""
    sys.stdout.flush()
    os.execve(command[0], command, {**(settings or {}), **environment()})


def environment() -> dict[str, str]:
    """The person's environment without what misleads, with the clone on the path."""
    kept = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    path = f"{VENV / 'bin'}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return {**kept, "PATH": path, "PYTHONPATH": str(CLONE), "PYTHONNOUSERSITE": "1"}


def pytest_arguments(given: list[str]) -> list[str]:
    """Three processes, which keep two cores busy, unless the person says otherwise or wants the debugger.

    Each keeps to neighbours, and so to what their file set up, until it has nothing left and takes from the other.
    """
    own = any(word.startswith(("-n", "--numprocesses", "--pdb", "--trace", "no:xdist")) for word in given)
    return ["-m", "pytest", *([] if own else ["-n", "3", "--dist", "worksteal"]), *given]


def compile_rooms() -> None:
    """In a fresh clone each test process, and all that it starts, would do it by itself at the same time."""
    command = [str(PYTHON), "-m", "compileall", "-q", *ROOMS]
    subprocess.run(command, cwd=CLONE, env=environment(), check=False)


def check(given: list[str]) -> int:
    """The gate, one heading after another; stops at the first failure."""
    if unknown := [word for word in given if word != "--no-test"]:
        stop(f"./dev check does not know {unknown[0]}; it takes --no-test or nothing.", status=2)
    for heading, command, advice in CHECKS:
        print(f"── {heading}", flush=True)
        status = subprocess.run([str(PYTHON), *command], env=environment(), check=False).returncode
        if status:
            stop(f"{heading} failed ({advice}). Then run ./dev check again.", status)
    if "--no-test" in given:
        return 0
    print("── Tests", flush=True)
    compile_rooms()
    command = [str(PYTHON), *pytest_arguments([])]
    status = subprocess.run(command, env=environment(), check=False).returncode
    if status:
        stop("Tests failed. ./dev test --lf -n 0 runs only those again.", status)
    return 0


# --- Setting up -------------------------------------------------------------------------------------------


def set_up() -> None:
    """Make .venv hold exactly what requirements.lock names. Silent and without network when it does."""
    if ready():
        return
    with one_at_a_time():
        if ready():
            return
        if UNFINISHED.exists() or not PYTHON.exists() or venv_python_changed():
            if VENV.exists():
                print(
                    "The environment in .venv is unfinished or out of date; making it anew.",
                    file=sys.stderr,
                    flush=True,
                )
            make_environment()
        print(
            "Installing FlowPilot's packages into .venv (once; usually half a minute to two minutes).",
            file=sys.stderr,
            flush=True,
        )
        UNFINISHED.touch()
        install()
        STAMP.write_text(wanted())
        UNFINISHED.unlink()
        print("Ready.", file=sys.stderr, flush=True)


def wanted() -> str:
    """What the stamp says when .venv fits: the lock's content, and the Python that .venv leads to."""
    return f"{hashlib.sha256(LOCK.read_bytes()).hexdigest()} {PYTHON.resolve()}"


def ready() -> bool:
    """Whether .venv was finished for this lock and this Python."""
    return STAMP.exists() and not UNFINISHED.exists() and PYTHON.exists() and STAMP.read_text() == wanted()


def venv_python_changed() -> bool:
    """After an upgrade of the system's Python, what .venv holds is for another version."""
    return STAMP.exists() and STAMP.read_text().split(" ", 1)[-1] != str(PYTHON.resolve())


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold a lock on requirements.lock: it is always there, and reading it is enough.

    The installer inherits the lock, so that one left alone by a killed ./dev is waited for as well.
    """
    with LOCK.open("rb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another ./dev is setting up; waiting for it.", file=sys.stderr, flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        os.set_inheritable(handle.fileno(), True)
        yield


def make_environment() -> None:
    """An empty .venv, by uv where there is one, else by the standard library."""
    if shutil.which("uv") is None and importlib.util.find_spec("ensurepip") is None:
        stop("Install python3-venv or uv.")
    shutil.rmtree(VENV, ignore_errors=True)
    VENV.mkdir()
    UNFINISHED.touch()
    if uv := shutil.which("uv"):
        attempt([uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(VENV)])
    else:
        attempt([sys.executable, "-m", "venv", str(VENV)])


def install() -> None:
    """Everything in the lock, checked against its hashes. The lock is complete, so nothing is resolved.

    Where uv does not get through, pip is asked: it may know an index or a certificate that uv does not.
    """
    if uv := shutil.which("uv"):
        sync = [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(PYTHON), str(LOCK)]
        may_ask_pip = importlib.util.find_spec("ensurepip") is not None
        if attempt(sync, last_way=not may_ask_pip):
            return
        print("uv could not install them; asking pip.", file=sys.stderr, flush=True)
    if subprocess.run([str(PYTHON), "-m", "pip", "--version"], capture_output=True, check=False).returncode:
        attempt([str(PYTHON), "-m", "ensurepip"])
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    attempt([str(PYTHON), "-m", "pip", "install", *quiet, "--no-deps", "--require-hashes", "-r", str(LOCK)])


def attempt(command: list[str], *, last_way: bool = True) -> bool:
    """Run a step of the set-up; its own words are shown only when it fails and there is no other way."""
    done = subprocess.run(
        command,
        env=environment(),
        cwd=CLONE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        close_fds=False,
    )
    if done.returncode and last_way:
        print(done.stdout.strip(), file=sys.stderr)
        stop(
            f"Setting up stopped at `{shlex.join(command[:4])} …`; the reason is above. "
            "Nothing outside .venv was changed. When it is mended (often: no network), run the same command again."
        )
    return done.returncode == 0


def lock() -> int:
    """Write requirements.lock anew; hashes for every platform, no index address."""
    uv = shutil.which("uv") or shutil.which("uv", path=str(VENV / "bin"))
    if uv is None:
        stop("./dev lock needs uv, which is not on the PATH. Install it, then run this again.")
    options = ["--universal", "--generate-hashes", "--no-emit-index-url", "--extra", "work", "--quiet"]
    command = [uv, "pip", "compile", *options, "pyproject.toml", "-o", LOCK.name]
    return subprocess.run(command, cwd=CLONE, env=environment(), check=False).returncode


# --- ./dev run --------------------------------------------------------------------------------------------


def run() -> int:
    """Run Procfile's processes with prefixed output; when one ends, or at Ctrl-C, all of them end."""
    settings = {**read_settings(CLONE / ".env"), **environment(), "PYTHONUNBUFFERED": "1"}
    commands = read_procfile(CLONE / "Procfile")
    if release := commands.pop("release", None):
        status = subprocess.run(release, env=settings, check=False).returncode
        if status:
            return status
    return supervise(commands, settings)


def read_procfile(path: Path) -> dict[str, list[str]]:
    """Commands by name."""
    lines = (line.partition(":") for line in path.read_text().splitlines() if not line.startswith("#"))
    return {name.strip(): shlex.split(command) for name, colon, command in lines if colon}


def read_settings(path: Path) -> dict[str, str]:
    """NAME=value lines; the environment has the last word."""
    if not path.exists():
        return {}
    lines = (line.partition("=") for line in path.read_text().splitlines() if not line.startswith("#"))
    return {name.strip(): value.strip().strip("'\"") for name, equals, value in lines if equals}


def supervise(commands: Mapping[str, list[str]], settings: dict[str, str]) -> int:
    """Start all, wait for the first to end (or for a signal), then end the others, gently at first."""
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: asked.set())
    width = max(map(len, commands))
    processes: dict[str, subprocess.Popen[str]] = {}
    printers: list[threading.Thread] = []
    for name, command in commands.items():
        # A session of its own: Ctrl-C reaches only this program, which then lets each one finish its work.
        processes[name] = process = subprocess.Popen(
            command,
            env=settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        printers.append(threading.Thread(target=show, args=(name.ljust(width), process), daemon=True))
        printers[-1].start()
    while not asked.wait(0.1) and all(process.poll() is None for process in processes.values()):
        pass
    ended = {name: process.returncode for name, process in processes.items() if process.poll() is not None}
    for name, status in ended.items():
        print(f"{name.ljust(width)} | ended with status {status}; stopping the others.", flush=True)
    asked.clear()
    end(list(processes.values()), asked)
    for printer in printers:
        printer.join(1.0)
    return max((abs(status) for status in ended.values()), default=0)


def show(name: str, process: subprocess.Popen[str]) -> None:
    """Copy a process's lines, each with its name in front."""
    for line in process.stdout or ():
        print(f"{name} | {line}", end="", flush=True)


def end(processes: list[subprocess.Popen[str]], asked_again: threading.Event) -> None:
    """SIGTERM, time to finish, SIGKILL; a second Ctrl-C cuts the time short."""
    for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5.0)):
        for process in processes:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
        until = time.monotonic() + seconds
        while any(process.poll() is None for process in processes) and time.monotonic() < until:
            if asked_again.wait(0.05):
                break


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
