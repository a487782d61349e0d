"""What every Python test shares: where the binary is and how to call it."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def olivine():
    """Calls the command: `olivine("passes", "--json")`; exit code, stdout and stderr are in what it returns."""
    binary = Path(os.environ.get("OLIVINE_BIN", ROOT / "build/release/bin/olivine"))
    if not binary.exists():
        pytest.fail(f"{binary} is missing; run `make` or set OLIVINE_BIN")

    def call(*arguments, check=False, timeout=120, **options):
        command = [str(binary), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, **options)
        if check and done.returncode != 0:
            pytest.fail(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
        return done

    return call


@pytest.fixture(scope="session")
def root():
    return ROOT
