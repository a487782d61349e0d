"""The packages that capturing needs, and no network."""

import importlib
import importlib.util
import os
import sys

from .errors import CaptureError, one_line

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def go_offline():
    os.environ.update(OFFLINE)


def need(package, install=None):
    """The package; an error that says how to install it where it is absent or broken."""
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] != package:
            raise CaptureError("import", f"{package} cannot be imported: {one_line(error)}", command(error.name), error) from error
        raise CaptureError("import", f"the Python at {sys.executable} has no {package}", command(install or package)) from error
    except Exception as error:  # noqa: BLE001  a half-installed package fails in many ways
        raise CaptureError("import", f"{package} cannot be imported: {one_line(error)}", command(install or package), error) from error


def command(package):
    return f"install it with: {sys.executable} -m pip install {package}"


def has(package):
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False
