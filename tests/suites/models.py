"""Opset conversion of whole models, from their opset to each from 11 on, held against the original by ONNX Runtime.

PP-OCR's three come with the set-up; those of transformers are there once `scripts/setup torch` has been run and
`exports.py` has written them (`make suites` does both).
"""

import os
from dataclasses import dataclass
from pathlib import Path

import onnx

ROOT = Path(__file__).resolve().parents[2]
DEPS = Path(os.environ.get("OLIVINE_DEPS", ROOT / ".deps"))
TITLE = "opset conversion of whole models"
TARGETS = range(11, onnx.defs.onnx_opset_version() + 1)


@dataclass
class WholeModel:
    path: Path
    target: int

    @property
    def id(self):
        return f"{self.path.parent.name}/{self.name}->{self.target}"

    @property
    def name(self):
        return self.path.stem


def paths():
    return [*sorted((DEPS / "models/ppocr").rglob("*.onnx")), *sorted((DEPS / "models/exported").glob("*.onnx"))]


def opset_of(path):
    model = onnx.load(path, load_external_data=False)
    return next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))


def suite_cases():
    return [WholeModel(path, target) for path in paths() for target in TARGETS if target != opset_of(path)]


def other_sizes(path):
    """Sizes for a second comparison, of every dimension that the file leaves open."""
    options = []
    for value in onnx.load(path, load_external_data=False).graph.input:
        dims = value.type.tensor_type.shape.dim
        for axis, dim in enumerate(dims):
            if dim.WhichOneof("value") == "dim_value" and dim.dim_value >= 0:
                continue
            picture = (1, 3, 64, 128)[axis] if len(dims) == 4 else 0
            size = picture or 5 - 2 * axis
            name = dim.dim_param if dim.dim_param not in ("", "?", "-1") else f"{value.name}:{axis}"
            options += ["--dim", f"{name}={size}"]
    return options


def check(case, olivine, folder):
    target = folder / "out.onnx"
    done = olivine("run-pass", "--pass-name", "OnnxOpVersionConversion", "--target-opset", case.target, "-m", case.path, "-o", target)
    if done.returncode != 0:
        return "refused" if done.returncode == 3 else "wrong", done.stderr.strip()
    try:
        onnx.checker.check_model(str(target), full_check=True)
    except Exception as error:  # noqa: BLE001  the checker's objection, whatever its type
        return "invalid", str(error)
    for options in (["--runs", "2"], ["--seed", "7", *other_sizes(case.path)]):
        done = olivine("compare", case.path, target, *options)
        if done.returncode != 0:
            return "wrong", (done.stdout + done.stderr).strip()
    return "right", ""
