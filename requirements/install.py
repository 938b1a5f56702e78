"""Makes the environment that the terminal runs in: `.venv`, filled from the locked and hashed list; no network once it is done.

Called by `make run` and `make test` (make.cmd on Windows) with "runtime" or "dev". Plain syntax on purpose: an old Python must get as
far as the sentence that says which one is needed.
"""

import csv
import ctypes
import hashlib
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
VENV = os.environ.get("SHIKRA_VENV") or os.path.join(ROOT, ".venv")
NEEDED = (3, 11)


def main(kind):
    """Make or refresh the environment for "runtime" or "dev"; returns the exit code."""
    if sys.version_info < NEEDED:
        return stop(
            "Expected Python %d.%d or newer, was %s; install it and run again, for example: make PYTHON=python3.11 run"
            % (NEEDED + (sys.version.split()[0],))
        )
    if not is_fresh(kind):
        failure = install(kind)
        if failure:
            return stop(failure)
    missing = missing_libraries(only_needed_to_load=kind == "dev")
    if missing:
        packages = " ".join(sorted({row["debian_package"] for row in missing}))
        names = ", ".join(row["library"] for row in missing)
        return stop("Missing system libraries: %s. On Debian or Ubuntu: sudo apt-get install %s" % (names, packages))
    return 0


def stop(sentence):
    """Say what is wrong and what to do about it."""
    sys.stderr.write("shikra: " + sentence + "\n")
    return 2


def is_fresh(kind):
    """Tell whether the environment already holds this list, or the longer one."""
    return any(read(stamp_file(held)) == fingerprint(held) for held in {kind, "dev"})


def install(kind):
    """Fill the environment from the locked list; returns what went wrong, or an empty string."""
    if not os.path.exists(interpreter()):
        made = subprocess.run([sys.executable, "-m", "venv", VENV])
        if made.returncode:
            return "Could not make %s. On Debian or Ubuntu: sudo apt-get install python3-venv" % VENV
    pip = [interpreter(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--require-hashes"]
    if subprocess.run(pip + ["-r", lock_file(kind)], cwd=ROOT).returncode:
        return "Could not install what %s lists; the lines above say why. The network is needed this once." % lock_file(kind)
    with open(stamp_file(kind), "w") as stamp:
        stamp.write(fingerprint(kind))
    return ""


def missing_libraries(only_needed_to_load):
    """List the rows of resources/libraries.csv whose library this Linux machine lacks."""
    if not sys.platform.startswith("linux"):
        return []
    with open(os.path.join(ROOT, "resources", "libraries.csv"), newline="") as file:
        rows = [row for row in csv.DictReader(file) if not only_needed_to_load or "X11" not in row["needed_for"]]
    return [row for row in rows if not can_load(row["library"])]


def can_load(library):
    """Tell whether the dynamic linker finds the library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def interpreter():
    """Return the environment's own Python."""
    return os.path.join(VENV, "Scripts", "python.exe") if os.name == "nt" else os.path.join(VENV, "bin", "python")


def lock_file(kind):
    """Return the locked list of that kind."""
    return os.path.join(HERE, kind + ".txt")


def stamp_file(kind):
    """Return the file that says what was installed."""
    return os.path.join(VENV, "installed-" + kind)


def fingerprint(kind):
    """Return a digest of what is to be installed: the list, and the Python it is for."""
    digest = hashlib.sha256(sys.version.encode())
    with open(lock_file(kind), "rb") as file:
        digest.update(file.read())
    return digest.hexdigest()


def read(path):
    """Return a small file's text, empty when there is none."""
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "runtime"))
