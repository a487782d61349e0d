#!/usr/bin/env python3
"""Converts the captured samples of PyTorch's operator database (op_db_capture.py) and compares with PyTorch's own outputs.

    op_db.py                          every sample; details go to build/suites/op_db/op_db.json, models stay beside it
    op_db.py --only 'conv|aten.pad'   operators or ATen targets that match
    op_db.py --part                   the operators that models consist of: what `make test` runs
    op_db.py --dynamic                the programs with dynamic sizes, at the traced and at another size
    op_db.py --peer                   torch.onnx's models (op_db_peer.py) by the same rules
    op_db.py --page                   static, dynamic and the peer's last figures, written to docs/pytorch-operators.md

right: the checker accepts the model with its full check, ONNX Runtime runs it, and types, shapes and values of all outputs are
PyTorch's. refused: exit code 3. no kernel: valid, but ONNX Runtime has no kernel for a type; onnx's reference evaluator says what
it computes. wrong: all else.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import op_db_chance
import op_db_index
import op_db_page
import op_db_refusals
import running
import workers

ROOT = op_db_index.ROOT
STATES = ("right", "refused", "no kernel", "wrong")
COUNTED = "ok"  # deterministic, real-valued, with a tensor among the outputs: what the figures are about
CONVERTED = (COUNTED, "random", "complex", "no tensor output")
# (rtol, atol) as torch.testing has them, times ten: ONNX Runtime adds in another order.
TOLERANCES = {
    "float64": (1e-6, 1e-6), "float32": (1.3e-5, 1e-5), "float16": (1e-2, 1e-2), "bfloat16": (3e-2, 3e-2),
    "float8_e4m3fn": (0.13, 1e-2), "float8_e5m2": (0.26, 1e-2),
}
PAIRS = {"complex32": "float16", "complex64": "float32", "complex128": "float64"}
PYTHON_TYPES = {"int": ("int64",), "float": ("float32", "float64", "float16"), "bool": ("bool",)}


class Arrays:
    """A .npz of a sample: inputs and outputs with their true types."""

    def __init__(self, path, record):
        with np.load(path) as stored:
            self.inputs = [true_type(stored[f"input_{number}"], one) for number, one in enumerate(record["inputs"])]
            present = [one for one in record["outputs"] if one["kind"] != "none"]
            self.outputs = [(true_type(stored[f"output_{number}"], one), one) for number, one in enumerate(present)]


def true_type(array, described):
    name = described.get("dtype", "")
    return array.view(getattr(ml_dtypes, name)) if name.startswith(("bfloat", "float8")) else array


# --- comparing ---------------------------------------------------------------------------------------------------


def difference(got, wanted, described, slack, values=True):
    """What is wrong with an output, or nothing."""
    types = PYTHON_TYPES.get(described["kind"], (wanted.dtype.name,))
    if got.dtype.name not in types:
        return f"dtype {got.dtype.name} instead of {types[0]}"
    if got.shape != wanted.shape:
        return f"shape {list(got.shape)} instead of {list(wanted.shape)}"
    if not values or wanted.size == 0:
        return ""
    if got.dtype.kind in "biu":
        wrong = got != wanted
        return f"{np.count_nonzero(wrong)} of {wrong.size} elements differ" if wrong.any() else ""
    return float_difference(got, wanted, TOLERANCES[wanted.dtype.name], slack)


def float_difference(got, wanted, tolerance, slack):
    rtol, atol = tolerance
    trust = 5e-2 if wanted.dtype == np.float16 else 1e-3  # of halves, coordinates and weights are rounded on the way
    got, wanted = got.astype(np.float64), wanted.astype(np.float64)
    finite = np.isfinite(wanted)
    usual = max(1.0, float(np.abs(wanted[finite]).mean()) if finite.any() else 1.0)
    # Where PyTorch's own result lies off that of double precision, ours may lie as far off on another side.
    atol = atol * usual + min(4 * slack, trust * usual)
    with np.errstate(invalid="ignore", over="ignore"):
        near = np.abs(got - wanted) <= atol + rtol * np.abs(wanted)
    right = np.where(finite, near, (got == wanted) | (np.isnan(got) & np.isnan(wanted)))
    if right.all():
        return ""
    worst = np.abs(got - wanted)[~right & finite & np.isfinite(got)]
    far = f", by up to {worst.max():.3g}" if worst.size else ""
    place = tuple(int(axis) for axis in np.argwhere(~right)[0])
    return f"{np.count_nonzero(~right)} of {right.size} elements differ{far}; at {list(place)} {got[place]:.6g} instead of {wanted[place]:.6g}"


def compare(results, arrays, record):
    if len(results) != len(arrays.outputs):
        return f"{len(results)} outputs instead of {len(arrays.outputs)}"
    slacks = record.get("inaccuracy", [])
    slacks = slacks if len(slacks) == len(arrays.outputs) else [0.0] * len(arrays.outputs)
    for number, (got, (wanted, described), slack) in enumerate(zip(results, arrays.outputs, slacks)):
        wrong = difference(np.asarray(got), wanted, described, slack, values=record["status"] != "random")
        if wrong and not op_db_chance.is_open(record, arrays.inputs, np.asarray(got), wanted):
            return f"output {number}: {wrong}" if len(results) > 1 else wrong
    return ""


# --- judging a model ---------------------------------------------------------------------------------------------


def checker_says(path):
    try:
        onnx.checker.check_model(str(path), full_check=True)
    except Exception as error:  # noqa: BLE001  the checker's objection, whatever its type
        return one_line(error)
    return ""


def one_line(text, length=400):
    return " ".join(str(text).split())[:length]


def reference_says(path, names, data, record):
    """What onnx's reference evaluator makes of a model that ONNX Runtime has no kernels for."""
    try:
        from onnx.reference import ReferenceEvaluator

        results = ReferenceEvaluator(str(path)).run(None, dict(zip(names, data.inputs)))
        wrong = compare(results, data, record)
    except Exception as error:  # noqa: BLE001
        return f"the reference evaluator fails too: {type(error).__name__}: {one_line(error, 120)}"
    return f"the reference evaluator differs: {wrong}" if wrong else "right by the reference evaluator"


def judge(path, record, data_sets):
    """(state, reason) of a model, for each of the data sets, which differ in size."""
    if invalid := checker_says(path):
        return "wrong", f"invalid: {invalid}"
    try:
        session = running.session(str(path))
    except Exception as error:  # noqa: BLE001
        reason = one_line(error)
        if "NOT_IMPLEMENTED" in reason:
            names = [one.name for one in onnx.load(path).graph.input]
            return "no kernel", f"{reference_says(path, names, data_sets[0], record)}; {reason}"
        return "wrong", f"does not load: {reason}"
    names = [one.name for one in session.get_inputs()]
    for number, data in enumerate(data_sets):
        if len(names) != len(data.inputs):
            return "wrong", f"{len(names)} inputs instead of {len(data.inputs)}"
        size = "at another size: " if number else ""
        try:
            results = running.run(session, names, data.inputs)
        except Exception as error:  # noqa: BLE001
            return "wrong", f"{size}does not run: {one_line(error)}"
        if wrong := compare(results, data, record):
            return "wrong", f"{size}{wrong}"
    return "right", ""


def data_sets(record, folder, dynamic):
    files = [folder / f"{record['id']}.npz"]
    if dynamic and "grown" in record["dynamic"]:
        files.append(folder / f"{record['id']}.grown.npz")
    return [Arrays(file, record) for file in files]


# --- whose model -------------------------------------------------------------------------------------------------


def by_olivine(record, settings):
    """Converts a sample: (path, state, reason); the state is nothing where there is a model."""
    binary = os.environ.get("OLIVINE_BIN", str(ROOT / "build/release/bin/olivine"))
    source = settings.folder / f"{record['id']}{'.dynamic' if settings.dynamic else ''}.pt2"
    target = settings.out / f"{source.stem}.onnx"
    target.unlink(missing_ok=True)
    command = [binary, "convert", str(source), "-o", str(target), "--opset", str(settings.opset)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return target, "wrong", "olivine is not done after 120 s"
    if done.returncode == 3:
        return target, "refused", done.stderr.strip()
    if done.returncode < 0:
        return target, "wrong", f"olivine crashes with signal {-done.returncode}"
    if done.returncode != 0 or not target.exists():
        return target, "wrong", f"olivine's exit code is {done.returncode}: {one_line(done.stderr)}"
    return target, "", ""


def by_peer(record, settings):
    told = settings.peer.get(record["id"], {"state": "refused", "reason": "not converted yet; run op_db_peer.py"})
    return settings.folder / "peer" / f"{record['id']}.onnx", told["state"], told["reason"]


def check(settings, record):
    convert = by_peer if settings.peer is not None else by_olivine
    path, state, reason = convert(record, settings)
    if not state:
        state, reason = judge(path, record, data_sets(record, settings.folder, settings.dynamic))
    return {"state": state, "reason": reason}


# --- reporting ---------------------------------------------------------------------------------------------------


def targets_of(record, dynamic):
    return record.get("dynamic", {}).get("targets", []) if dynamic else record.get("targets", [])


def chosen(index, settings, only, dtypes, part):
    for record in index["samples"].values():
        if part and not (record["primary"] and op_db_index.operator_name(record) in op_db_index.PART):
            continue
        if record["status"] not in CONVERTED or (settings.dynamic and record.get("dynamic", {}).get("status") != "ok"):
            continue
        if dtypes and record["dtype"] not in dtypes and not ("primary" in dtypes and record["primary"]):
            continue
        names = [op_db_index.operator_name(record), record["id"], *targets_of(record, settings.dynamic)]
        if not only or any(re.search(only, name) for name in names):
            yield record


def print_counts(title, results):
    counts = Counter(result["state"] for result in results)
    if results:
        print(f"  {title:38} {len(results):5}  {100 * counts['right'] / len(results):5.1f} %  " + "  ".join(f"{state} {counts[state]}" for state in STATES))


def worst_by_operator(results):
    """One result for each operator: its worst."""
    worst = {}
    for result in sorted(results, key=lambda one: STATES.index(one["state"])):
        worst[op_db_index.operator_name(result)] = result
    return list(worst.values())


def report(title, results, seconds, listed):
    print(f"\n{title}: {len(results)} samples in {seconds:.0f} s")
    counted = [result for result in results if result["status"] == COUNTED]
    own = [result for result in counted if result["primary"]]
    print_counts("an operator's own dtype", own)
    print_counts("the same, operators by their worst", worst_by_operator(own))
    for dtype in ("float32", "int64", "bool", "float16"):
        print_counts(dtype, [result for result in counted if result["dtype"] == dtype])
    print_counts("all of these", counted)
    for status in CONVERTED[1:]:
        print_counts(f"apart from them: {status}", [result for result in results if result["status"] == status])
    for state in ("wrong", "no kernel"):
        for result in (one for one in results if one["state"] == state):
            print(f"  {state} {result['id']}: {one_line(result['reason'], listed)}")
    for what, those in op_db_refusals.grouped(results):
        print(f"  refused {len(those)}: {one_line(what, listed)}, as in {those[0]['id']}")


def check_all(records, settings, jobs):
    results = []
    settings.out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    by_id = {record["id"]: record for record in records}
    found = {}
    for record, result in workers.run(records, partial(check, settings), jobs, renew_after=500):
        if isinstance(result, workers.Failure):
            result = {"state": "wrong", "reason": f"the check fails: {result.reason.strip()[-300:]}"}
        found[record["id"]] = result
    for identity, record in by_id.items():
        kept = {key: record[key] for key in ("id", "operator", "variant", "dtype", "primary", "status")}
        results.append({**kept, "targets": targets_of(record, settings.dynamic), **found[identity]})
    return results, time.monotonic() - began


class Settings:
    def __init__(self, arguments, dynamic=False, peer=None):
        self.folder, self.out, self.opset = arguments.folder, arguments.out, arguments.opset
        self.dynamic, self.peer = dynamic, peer


def run(arguments, index, settings):
    name = "op_db-peer" if settings.peer is not None else "op_db-dynamic" if settings.dynamic else "op_db"
    whose = "torch.onnx" if settings.peer is not None else "olivine"
    title = f"op_db by {whose}, opset {settings.opset}" + (", dynamic sizes" if settings.dynamic else "")
    records = list(chosen(index, settings, arguments.only, arguments.dtype, arguments.part))
    if settings.peer is not None:
        records = [record for record in records if record["primary"]]
    results, seconds = check_all(records, settings, arguments.jobs)
    report(title, results, seconds, arguments.width)
    summary = {"title": title, "opset": settings.opset, "seconds": round(seconds, 1), "results": results}
    op_db_index.write_json(arguments.out / f"{name}.json", summary)
    if settings.peer is not None and not arguments.only:
        op_db_index.write_json(settings.folder / "peer" / "results.json", summary)
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=op_db_index.cache_folder(), help="what op_db_capture.py filled")
    parser.add_argument("--only", help="operators, ids or ATen targets in which this expression is found")
    parser.add_argument("--dtype", type=lambda text: text.split(","), default=[], help="float32, int64, … or primary; several by commas")
    parser.add_argument("--part", action="store_true", help="what `make test` converts")
    parser.add_argument("--dynamic", action="store_true", help="the programs with dynamic sizes")
    parser.add_argument("--peer", action="store_true", help="torch.onnx's models instead")
    parser.add_argument("--page", action="store_true", help="write the page of all operators")
    parser.add_argument("--opset", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--width", type=int, default=200, help="characters of a reason that are printed")
    parser.add_argument("--out", type=Path, default=ROOT / "build/suites/op_db")
    arguments = parser.parse_args()
    index = op_db_index.read_index(arguments.folder)
    if not index["samples"]:
        parser.error(f"{arguments.folder} is empty; run op_db_capture.py with a Python that has torch")
    told = op_db_index.read_json(arguments.folder / "peer" / "peer.json", {})
    if arguments.peer:
        run(arguments, index, Settings(arguments, peer=told))
        return 0
    if not arguments.page:
        results = run(arguments, index, Settings(arguments, dynamic=arguments.dynamic))
        return 1 if any(result["state"] == "wrong" for result in results) else 0
    static, dynamic = (run(arguments, index, Settings(arguments, dynamic=one)) for one in (False, True))
    peer = op_db_index.read_json(arguments.folder / "peer" / "results.json", {"results": []})["results"]
    op_db_page.write(ROOT / "docs/pytorch-operators.md", index, static, dynamic, peer, arguments.opset)
    return 1 if any(result["state"] == "wrong" for result in [*static, *dynamic]) else 0


if __name__ == "__main__":
    sys.exit(main())
