"""Models of transformers and of torch.nn with random weights, from the programs that the capture worker makes of them to ONNX: the
checker accepts the result, and ONNX Runtime computes what PyTorch computed, at the traced size and at another one.

`scripts/setup torch` and `capture_models.py` make the programs (`make suites` does both).
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import running

ROOT = Path(__file__).resolve().parents[2]
DEPS = Path(os.environ.get("OLIVINE_DEPS", ROOT / ".deps"))
TITLE = "PyTorch models at two sizes"
CAPTURED = DEPS / "models/captured"
PEER = DEPS / "models/captured-torch.onnx"
ABSOLUTE, RELATIVE = 1e-4, 1e-3
CHOSEN = 0.01  # the part of an integer output that may differ: near ties among floats


@dataclass
class Captured:
    folder: Path

    @property
    def id(self):
        return self.folder.name

    @property
    def name(self):
        return self.folder.name

    def record(self):
        return json.loads((self.folder / "capture.json").read_text())


def suite_cases():
    return [Captured(path.parent) for path in sorted(CAPTURED.glob("*/model.pt2"))]


def peer_cases():
    """Where torch.onnx failed the folder holds its error only."""
    return [Captured(path) for path in sorted(PEER.iterdir()) if path.is_dir()] if PEER.exists() else []


def check(case, olivine, folder):
    target = folder / "out.onnx"
    done = olivine("convert", case.folder / "model.pt2", "-o", target)
    if done.returncode != 0:
        return "refused" if done.returncode == 3 else "wrong", done.stderr.strip()
    return compare(case, target)


def check_peer(case, olivine, folder):
    error = case.folder / "error.txt"
    if error.exists():
        return "refused", error.read_text()
    return compare(case, case.folder / "model.onnx", fixed_may_be=True)


def fits(session, inputs):
    """Whether the sizes that the model fixes are those of the inputs."""
    pairs = [pair for port, value in zip(session.get_inputs(), inputs) for pair in zip(port.shape, value.shape)]
    return all(not isinstance(wanted, int) or wanted == size for wanted, size in pairs)


def compare(case, path, fixed_may_be=False):
    """`fixed_may_be`: cases that the model takes no more are left out, for want of a record of what was fixed."""
    try:
        onnx.checker.check_model(str(path), full_check=True)
    except Exception as error:  # noqa: BLE001  the checker's objection, whatever its type
        return "invalid", str(error)
    session = running.session(str(path))
    record = case.record()
    compared = 0
    for recorded in record["cases"]:
        inputs = [np.load(case.folder / file) for file in recorded["inputs"]]
        if fixed_may_be and not fits(session, inputs):
            continue
        compared += 1
        expected = [np.load(case.folder / file) for file in recorded["outputs"]]
        feeds = {port.name: value for port, value in zip(session.get_inputs(), inputs, strict=True)}
        found = session.run(None, feeds)
        at = ", ".join(f"{name} = {size}" for name, size in recorded["sizes"].items())
        if len(found) != len(expected):
            return "wrong", f"{len(found)} outputs instead of {len(expected)}"
        for name, right, value in zip(record["output_names"], expected, found):
            if fault := difference(right, value):
                return "wrong", f"{name} at {at or 'the traced size'}: {fault}"
    return "right", "", {"sizes": compared}


def difference(right, value):
    value = np.asarray(value)
    if right.shape != value.shape:
        return f"shape {value.shape} instead of {right.shape}"
    if right.dtype.kind in "biu":
        if value.dtype.kind != right.dtype.kind:
            return f"{value.dtype} instead of {right.dtype}"
        part = float((right != value).mean()) if right.size else 0
        return f"{part:.1%} of the elements differ" if part > CHOSEN else ""
    right, value = right.astype(np.float64), value.astype(np.float64)
    with np.errstate(invalid="ignore"):
        scale = max(1.0, float(np.sqrt(np.mean(np.square(right[np.isfinite(right)]))))) if np.isfinite(right).any() else 1.0
        close = np.isclose(value, right, rtol=RELATIVE, atol=ABSOLUTE * scale, equal_nan=True)
    if close.all():
        return ""
    return f"{(~close).sum()} of {close.size} elements differ, by up to {np.nanmax(np.abs(value - right)):.3g}"
