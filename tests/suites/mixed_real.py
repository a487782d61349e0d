"""Real architectures under OrtMixedPrecision: at the default target, and at a third of what all-fp16 costs.

PP-OCR's models come with the set-up; `mixed_exports.py` makes the others (`make suites` runs it).
"""

import os
import tempfile
import time
from pathlib import Path

import mixed_peers
import numpy as np
import onnx
from half_simulation import of_mixed
from mixed_search import Judge, Refused, largest, search

ROOT = Path(__file__).resolve().parents[2]
DEPS = Path(os.environ.get("OLIVINE_DEPS", ROOT / ".deps"))
PPOCR = DEPS / "models/ppocr"
MADE = DEPS / "models/mixed"
PATHS = {
    "PP-OCR detection": PPOCR / "ch_PP-OCRv4_det_infer.onnx",
    "PP-OCR recognition": PPOCR / "ch_PP-OCRv4_rec_infer.onnx",
    "all-MiniLM-L6-v2": MADE / "minilm.onnx",
    **{title: MADE / f"{title.lower()}.onnx" for title in ("T5", "BERT", "Whisper", "ConvNeXt", "Swin")},
}
# Sizes of open dimensions, by axis.
PICTURES = {"PP-OCR detection": (1, 3, 160, 160), "PP-OCR recognition": (1, 3, 48, 160)}
SEEN, UNSEEN = range(2), range(100, 103)
FREE = 1e-3  # the part of an output's elements that the default target leaves free
MOST_INFERENCES = 12
TIGHT, BROKEN = 1 / 3, 0.05  # the tight target: a third of what all-fp16 costs, where that works at all



def tight(half):
    return TIGHT * min(largest(half), BROKEN)


def length(title, name):
    return 12 if name.startswith("decoder") else 24


def writing(rng, shape):
    """Lines of dark strokes on light paper, in [-1, 1]: noise would leave the models nothing to find, and their outputs near zero."""
    height, width = shape[2:]
    page = np.full((height, width), 0.9, np.float32)
    size = min(24, height // 2)
    for top in range(size // 2, height - size, 2 * size):
        left = int(rng.integers(4, 16))
        while left < width - 16:
            page[top : top + size, left : left + 2] = -0.9
            row = top + int(rng.integers(0, size - 2))
            page[row : row + 2, left : left + 8] = -0.9
            left += int(rng.integers(8, 14))
    return np.broadcast_to(page, shape) + 0.02 * rng.standard_normal(shape).astype(np.float32)


def feeds(title, model, seed):
    """Values for the model's inputs: pictures of text, pictures and spectra from a normal distribution, token ids, masks with padding at the end."""
    rng = np.random.default_rng(seed)
    values = {}
    for value in model.graph.input:
        dims = value.type.tensor_type.shape.dim
        default = PICTURES.get(title) or (2, length(title, value.name), 1, 1)
        shape = [dim.dim_value if dim.dim_value > 0 else default[axis] for axis, dim in enumerate(dims)]
        if title in PICTURES:
            values[value.name] = writing(rng, shape)
        elif value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
            values[value.name] = rng.standard_normal(shape).astype(np.float32)
        elif "mask" in value.name:
            ends = rng.integers(shape[1] // 2, shape[1] + 1, size=(shape[0], 1))
            values[value.name] = (np.arange(shape[1])[None] < ends).astype(np.int64)
        else:
            values[value.name] = rng.integers(3, 1000, size=shape)
    return values


def meets_default(errors):
    """The pass's default target: the tolerance of fp16, which follows the output's size."""
    return all(one.beyond <= FREE for one in errors.values())


def meets(atol):
    return (lambda errors: largest(errors) <= atol) if atol is not None else meets_default


def judge_of(title, model):
    return Judge(model, [feeds(title, model, seed) for seed in SEEN], [feeds(title, model, seed) for seed in UNSEEN])


def look_at(title):
    """The rows of one model: a dict per target, `faults` told in each."""
    path = PATHS[title]
    if not path.exists():
        return [{"model": title, "target": "", "faults": [f"{path.name} is missing: scripts/setup torch, then mixed_exports.py"]}]
    model = onnx.load(path)
    judge = judge_of(title, model)
    half = judge.with_kept(set())
    rows = []
    for target, atol in (("default", None), ("tight", tight(half))):
        row = {"model": title, "target": target, "atol": atol, "nodes": len(judge.convertible), "half": largest(half), "half_cosine": min(one.cosine for one in half.values())}
        rows.append({**row, **run_pass(judge, path, atol)})
    return rows


def run_pass(judge, path, atol):
    target = {} if atol is None else {"atol": atol, "rtol": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = search(path, judge.seen, Path(folder), **target)
        except Refused as refusal:
            return {"faults": [str(refusal).splitlines()[0]]}
    faults = judge.faults(found, meets(atol))
    if found.report["inferences"] > MOST_INFERENCES:
        faults.append(f"{found.report['inferences']:.1f} inferences")
    told = judge.errors(of_mixed(found.mixed), judge.unseen)
    return {
        "kept": len(judge.kept_in(found.mixed)), "groups": len(found.groups), "inferences": found.report["inferences"], "seconds": found.seconds,
        "error": largest(told), "faults": faults,
    }


def peers(title, python, limit):
    """What the others keep: rows beside ours, each with what its selection comes to by simulation."""
    path = PATHS[title]
    model = onnx.load(path)
    judge = judge_of(title, model)
    half = judge.with_kept(set())
    began = time.monotonic()
    olive = mixed_peers.olive_kept(model) & set(judge.convertible)
    rows = [{"model": title, "tool": "Olive's heuristic", "kept": len(olive), "error": largest(judge.with_kept(olive, judge.unseen)), "half": largest(half), "seconds": time.monotonic() - began}]
    if python is None:
        return rows
    with tempfile.TemporaryDirectory() as folder:
        values = Path(folder) / "feeds.npz"
        np.savez(values, **judge.seen[0])
        kept, seconds, failure = mixed_peers.search(str(python), str(path), str(values), tight(half), limit)
    row = {"model": title, "tool": "onnxconverter-common", "half": largest(half), "seconds": seconds, "failure": failure}
    if kept is not None:
        kept &= set(judge.convertible)
        row |= {"kept": len(kept), "error": largest(judge.with_kept(kept, judge.unseen))}
    return [*rows, row]
