#!/usr/bin/env python3
"""Captures samples of PyTorch's operator database: each as an exported program with its inputs and PyTorch's own outputs.

    op_db_capture.py                     every operator's own dtype, then int64, bool and float16, then dynamic sizes
    op_db_capture.py --part              what `make test` needs
    op_db_capture.py --only '^conv'      operators by name

Needs torch and expecttest (`scripts/setup torch`). What the folder holds already is not captured again; see op_db_index.py.
"""

import argparse
import logging
import os
import re
import sys
import time
import warnings
from pathlib import Path

import op_db_index
import torch
import workers
from op_db_dynamic import capture_dynamic
from op_db_sample import Sample, alike, close, copies, describe, eager, inaccuracy, same, save_arrays, save_program, short, targets
from torch.testing._internal.common_methods_invocations import op_db

FURTHER = (torch.int64, torch.bool, torch.float16)
# The first one that an operator has is its own dtype.
PREFERRED = (torch.float32, torch.int64, torch.bool, torch.complex64, torch.float8_e4m3fn)
# Their outputs are memory as it is found, which may look the same twice.
UNINITIALIZED = {
    "empty", "empty_like", "empty_permuted", "empty_strided", "new_empty", "new_empty_strided", "resize_", "resize_as_",
}
DYNAMIC = "dynamic"  # stands for a dtype in a task


def is_random(module, outputs):
    for seed in range(1, 6):  # one may be right by chance where the output is a single element
        if not alike(outputs, eager(module, module.inputs, seed), same):
            return True
    return False


def nature(operator, module, outputs):
    """(status, reason) of a sample that ran."""
    values = [*module.inputs, *(value for value in outputs if isinstance(value, torch.Tensor))]
    if any(value.layout != torch.strided or value.is_nested for value in values):
        return "not dense", "sparse or nested tensors"
    if not any(isinstance(value, torch.Tensor) for value in outputs):
        return "no tensor output", ", ".join(describe(value)["kind"] for value in outputs)
    if any(value.is_complex() for value in values):
        return "complex", ""
    if operator.name in UNINITIALIZED or is_random(module, outputs):
        return "random", ""
    return "ok", ""


def capture(operator, sample, record, folder):
    """Fills the record, and the folder with what it tells of."""
    module = Sample(operator, ((sample.input, *sample.args), dict(sample.kwargs)))
    try:
        outputs = eager(module, module.inputs)
    except Exception as error:  # noqa: BLE001
        return record.update(status="not runnable", reason=short(error))
    record["status"], record["reason"] = nature(operator, module, outputs)
    record["outputs"] = [describe(value) for value in outputs]
    record["inputs"] = [describe(value) for value in module.inputs]
    if record["status"] == "not dense":
        return None
    strided = [number for number, value in enumerate(module.inputs) if not value.is_contiguous()]
    if strided:
        record["strided_inputs"] = strided
    try:
        program = torch.export.export(module, tuple(copies(module.inputs)), strict=False)
        record["targets"] = targets(program)
        save_program(program, folder / f"{record['id']}.pt2")
    except Exception as error:  # noqa: BLE001
        return record.update(status="not exportable", reason=short(error))
    if not any(isinstance(node, torch.fx.Node) for node in program.graph.output_node().args[0]):
        return record.update(status="constant", reason="its outputs are numbers that the program holds")
    if record["status"] == "ok":
        record["inaccuracy"] = inaccuracy(module, module.inputs, outputs)
        check_export(program, module, outputs, record)
    save_arrays(folder / f"{record['id']}.npz", module.inputs, outputs)
    return None


def check_export(program, module, outputs, record):
    """A program that computes something else than the operator is no fault of its converter."""
    exported = program.module()
    try:
        results = [eager(exported, module.inputs, seed) for seed in range(3)]
    except Exception as error:  # noqa: BLE001
        if "Runtime assertion failed" in str(error):  # the exporter's guess of a bound; ONNX has no assertions
            return record.update(reason=short(error))
        return record.update(status="export fails", reason=short(error))
    if not all(alike(result, results[0], same) for result in results):  # the operator's samples may seed it themselves
        return record.update(status="random")
    if not alike(results[0], outputs, close):
        record.update(status="export differs", reason="the exported program's outputs differ from the operator's")
    return None


# --- tasks -------------------------------------------------------------------------------------------------------


def own_dtype(operator):
    supported = operator.supported_dtypes("cpu")
    ordered = [*(dtype for dtype in PREFERRED if dtype in supported), *sorted(supported, key=str)]
    return ordered[0] if ordered else None


def spread(count, wanted):
    """Numbers from 0 to count - 1, first and last among them."""
    if count <= wanted:
        return list(range(count))
    return [round(place * (count - 1) / (wanted - 1)) for place in range(wanted)]


def blank_record(operator, dtype, number, primary):
    variant = operator.variant_test_name
    name = f"{operator.name}.{variant}" if variant else operator.name
    identity = f"{re.sub('[^A-Za-z0-9_.]', '_', name)}-{str(dtype)[6:]}-{number}"
    return {
        "id": identity, "operator": operator.name, "variant": variant, "dtype": str(dtype)[6:], "sample": number, "primary": primary,
        "status": "", "reason": "",
    }


def samples_of(operator, dtype):
    return list(operator.sample_inputs("cpu", dtype, requires_grad=False))


def capture_task(task, folder):
    """The records of an operator at a dtype."""
    operator, dtype = op_db[task[0]], getattr(torch, task[1])
    primary = dtype == own_dtype(operator)
    samples = samples_of(operator, dtype)
    records = []
    for number in spread(len(samples), 3 if primary else 2):
        record = blank_record(operator, dtype, number, primary)
        capture(operator, samples[number], record, folder)
        records.append(record)
    return records


def dynamic_task(task, folder):
    """The record, among those of the operator's own dtype, that has a dynamic program; else all with the reason."""
    operator, _, records = task
    operator = op_db[operator]
    samples = samples_of(operator, own_dtype(operator))
    tried = []
    for record in records:
        tried.append(record)
        if capture_dynamic(operator, samples[record["sample"]], record, folder):
            return [record]
    return tried


def quiet():
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    torch.set_num_threads(1)
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)


def work_in(folder):
    ready = []

    def work(task):
        if not ready:
            quiet()
            ready.append(True)
        return dynamic_task(task, folder) if task[1] == DYNAMIC else capture_task(task, folder)

    return work


def full_name(operator):
    return f"{operator.name}.{operator.variant_test_name}" if operator.variant_test_name else operator.name


def key(task):
    return f"{full_name(op_db[task[0]])}|{task[1]}"


def static_tasks(numbers, dtypes):
    """Each operator's own dtype first, for these are wanted first."""
    own = [(number, str(own_dtype(op_db[number]))[6:]) for number in numbers if own_dtype(op_db[number])]
    further = [
        (number, str(dtype)[6:]) for dtype in FURTHER for number in numbers
        if dtype in op_db[number].supported_dtypes("cpu") and dtype != own_dtype(op_db[number])
    ]
    return [*(own if "primary" in dtypes else []), *(task for task in further if task[1] in dtypes)]


def dynamic_tasks(numbers, index):
    by_operator = {}
    for record in index["samples"].values():
        if record["primary"] and record["status"] == "ok" and record["inputs"]:
            by_operator.setdefault(op_db_index.operator_name(record), []).append(record)
    return [(number, DYNAMIC, by_operator[full_name(op_db[number])]) for number in numbers if full_name(op_db[number]) in by_operator]


def failed_records(task, failure):
    """A task that brought its process down leaves a record too."""
    if task[1] == DYNAMIC:
        return [{**record, "dynamic": {"status": "not exportable", "reason": failure.reason.strip()[-300:]}} for record in task[2]]
    operator, dtype = op_db[task[0]], getattr(torch, task[1])
    record = blank_record(operator, dtype, 0, dtype == own_dtype(operator))
    return [{**record, "status": "failed", "reason": failure.reason.strip()[-300:]}]


def run(tasks, index, folder, jobs):
    done = set(index["tasks"])
    tasks = [task for task in tasks if key(task) not in done]
    written = began = time.monotonic()
    for count, (task, result) in enumerate(workers.run(tasks, work_in(folder), jobs), 1):
        records = failed_records(task, result) if isinstance(result, workers.Failure) else result
        index["samples"].update((record["id"], record) for record in records)
        index["tasks"].append(key(task))
        if time.monotonic() - written > 5:
            op_db_index.write_json(folder / "index.json", index)
            written = time.monotonic()
            print(f"{count}/{len(tasks)} {key(task)} {written - began:.0f} s", file=sys.stderr, flush=True)
    op_db_index.write_json(folder / "index.json", index)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=op_db_index.cache_folder())
    parser.add_argument("--only", help="operators whose name matches this expression")
    parser.add_argument("--part", action="store_true", help="only what `make test` converts")
    parser.add_argument("--dtypes", default="primary,int64,bool,float16,dynamic")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    numbers = range(len(op_db))
    if arguments.part:
        numbers = [number for number in numbers if full_name(op_db[number]) in op_db_index.PART]
    if arguments.only:
        numbers = [number for number in numbers if re.search(arguments.only, full_name(op_db[number]))]
    dtypes = ["primary", DYNAMIC] if arguments.part else arguments.dtypes.split(",")
    with op_db_index.locked(arguments.folder):
        index = op_db_index.read_index(arguments.folder)
        index |= {"torch": torch.__version__.split("+")[0], "operators": len(op_db)}
        run(static_tasks(numbers, dtypes), index, arguments.folder, arguments.jobs)
        if DYNAMIC in dtypes:
            run(dynamic_tasks(numbers, index), index, arguments.folder, arguments.jobs)
        if not arguments.only and {"primary", DYNAMIC} <= set(dtypes):
            op_db_index.write_json(arguments.folder / "index.json", index | {"part": op_db_index.PART})
    return 0


if __name__ == "__main__":
    sys.exit(main())
