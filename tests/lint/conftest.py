import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def project_files(*patterns):
    """Files of the project, those not yet added included, that match git's `patterns`."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [path for path in (ROOT / line for line in listed.stdout.splitlines()) if path.is_file()]


@pytest.fixture(scope="session")
def sources():
    return project_files("src/*.cc", "src/*.h", "include/*.h")


@pytest.fixture(scope="session")
def all_files():
    return project_files(".")
