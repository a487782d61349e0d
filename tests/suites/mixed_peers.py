#!/usr/bin/env python3
"""What other tools keep in fp32: mixed_peers.py MODEL FEEDS.npz ATOL does onnxconverter-common's search and prints what it found as JSON.

Run so with the Python that has onnxconverter-common (`scripts/setup peers`).
"""

import ast
import contextlib
import io
import json
import subprocess
import sys
import time

import numpy as np
import onnx

# Olive's OrtMixedPrecision (0.13): operators that stay by default, and below which error a weight counts as one that came from fp16.
OLIVE_OPERATORS = {"SimplifiedLayerNormalization", "SkipSimplifiedLayerNormalization", "Relu", "Add"}
OLIVE_ATOL = 1e-6


def olive_kept(model):
    """The nodes that Olive's heuristic keeps: those of four operators, and the MatMul that makes the first output unless its weight is fp16's."""
    graph = model.graph
    kept = {node.name for node in graph.node if node.op_type in OLIVE_OPERATORS}
    last = next((node for node in graph.node if graph.output[0].name in node.output), None)
    if last is not None and last.op_type == "MatMul":
        weights = {tensor.name: tensor for tensor in graph.initializer}
        weight = next((onnx.numpy_helper.to_array(weights[name]) for name in last.input if name in weights), None)
        if weight is not None and np.abs(weight - weight.astype(np.float16).astype(np.float32)).max() >= OLIVE_ATOL:
            kept.add(last.name)
    return kept


def search(python, model, feeds, atol, limit):
    """(kept nodes or nothing, seconds, what went wrong) of onnxconverter-common's search, stopped after `limit` seconds."""
    began = time.monotonic()
    try:
        done = subprocess.run([python, "-I", __file__, model, feeds, repr(atol)], capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return None, time.monotonic() - began, f"stopped after {limit} s"
    seconds = time.monotonic() - began
    if done.returncode != 0:
        return None, seconds, (done.stderr.strip().splitlines() or ["failed"])[-1]
    return set(json.loads(done.stdout)), seconds, ""


def main():
    from onnxconverter_common.auto_mixed_precision import auto_convert_mixed_precision

    path, feeds, atol = sys.argv[1:]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        auto_convert_mixed_precision(onnx.load(path), dict(np.load(feeds)), rtol=0.0, atol=float(atol), keep_io_types=True)
    done = next(line for line in reversed(said.getvalue().splitlines()) if line.startswith("Done: "))
    print(json.dumps(ast.literal_eval(done.removeprefix("Done: "))))


if __name__ == "__main__":
    main()
