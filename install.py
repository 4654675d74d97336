"""Install with uv, or with pip if uv does not work here: .venv/bin/python install.py ARGUMENT ...

The arguments are those of `pip install`, for example `--require-hashes -r requirements.lock`, and the packages go into
the environment of the interpreter. uv takes a fifth of pip's time, but reads neither pip.conf nor pip's environment
variables, so this script passes pip's settings on to it. Neither compiles bytecode: Python compiles what it imports,
and most modules are never imported (in `make demo`: 14 s instead of 41 s, and 120 MB less).
"""

import ast
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
UV = Path(sys.executable).with_name("uv")
LOG = Path(sys.prefix, "uv.log")
"""The errors of uv and of its own installation. The file exists once both have been tried in this environment."""
UV_LOCK = Path(__file__).with_name("requirements-uv.lock")

SECTIONS = ("global", "install", ":env:")
"""Where `pip install` finds its settings; a later one wins."""
VARIABLES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "proxy": "ALL_PROXY",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
}
"""pip's option -> uv's environment variable."""


def pip_settings(listing: Iterable[str]) -> dict[str, str]:
    """Return the settings of `pip install` by the name of the option.

    Args:
        listing: The lines of `pip config list`, for example "global.index-url='https://pypi.example/simple'".
    """
    lines = [line.partition("=") for line in listing]
    found = {}
    for section in SECTIONS:
        for key, _, value in lines:
            place, _, name = key.rpartition(".")
            if place == section:
                found[name] = str(ast.literal_eval(value))
    return found


def uv_arguments(settings: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the environment variables and the arguments that give uv the settings of pip."""
    # pip treats all indexes alike. By default uv stays with the first that knows a package, whatever versions it has.
    variables = {"UV_INDEX_STRATEGY": "unsafe-best-match"}
    for name in VARIABLES.keys() & settings.keys():
        separator = "," if name == "find-links" else " "
        variables[VARIABLES[name]] = separator.join(settings[name].split())
    no_index = settings.get("no-index", "").lower() in ("1", "on", "t", "true", "y", "yes")
    return variables, ["--no-index"] if no_index else []


def install_with_uv(arguments: Sequence[str]) -> bool:
    """Return True if uv has installed everything; pip installs uv first if it has not been tried here."""
    fetch = not LOG.exists()
    with LOG.open("a", encoding="utf-8") as log:
        if fetch:
            hashed = ["--require-hashes", "--only-binary", ":all:", "-r", str(UV_LOCK)]
            subprocess.run([*PIP, "install", "--quiet", *hashed], check=False, stderr=log)
        if not UV.exists():
            return False
        listed = subprocess.run([*PIP, "config", "list"], check=True, capture_output=True, text=True)
        variables, options = uv_arguments(pip_settings(listed.stdout.splitlines()))
        command = [str(UV), "pip", "install", "--quiet", "--python", sys.executable, "--no-build-isolation", *options]
        env = {**variables, **os.environ}  # the user's own settings of uv win
        try:
            if subprocess.run([*command, *arguments], check=False, env=env, stderr=log).returncode == 0:
                return True
        except OSError as error:  # a binary of another platform
            log.write(f"{UV}: {error}\n")
        # so that the next call goes straight to pip
        subprocess.run([*PIP, "uninstall", "--quiet", "--yes", "uv"], check=True)
        return False


def main() -> int:
    """Install, and return the exit code."""
    arguments = sys.argv[1:]
    known = LOG.exists() and not UV.exists()
    if not known:
        if install_with_uv(arguments):
            return 0
        sys.stderr.write(f"make: uv does not work here ({LOG} says why), so pip installs, which takes a few minutes\n")
    command = [*PIP, "install", "--quiet", "--no-compile", "--use-pep517", "--no-build-isolation", *arguments]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
