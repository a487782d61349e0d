#!/usr/bin/env python3
"""torch.onnx's models of the captured samples, beside them in the folder peer: op_db_peer.py [--folder FOLDER] [--jobs N].

Each operator's own dtype only. Needs torch, onnx and onnxscript (`scripts/setup torch`); goes on where it was interrupted, and
peer.json tells what was refused. `op_db.py --peer` judges the models.
"""

import argparse
import os
import sys
import time
import warnings
from pathlib import Path

import onnxscript  # noqa: F401  here once, not in every worker
import op_db_index
import torch
import torch.onnx
import workers
from op_db_capture import quiet

OPSET = 20
CONVERTED = ("ok", "random", "complex", "no tensor output")


def convert(record, folder):
    path = folder / "peer" / f"{record['id']}.onnx"
    began = time.monotonic()
    try:
        program = torch.export.load(str(folder / f"{record['id']}.pt2"))
        torch.onnx.export(program, f=str(path), dynamo=True, opset_version=OPSET, external_data=False, verbose=False)
    except Exception as error:  # noqa: BLE001  the tool's refusal, whatever its type
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        cause = error.__cause__ or error
        return {"state": "refused", "reason": f"{type(cause).__name__}: {str(cause).strip()[:300]}" if lines else type(error).__name__}
    return {"state": "", "reason": "", "seconds": round(time.monotonic() - began, 2)}


def work_in(folder):
    ready = []

    def work(record):
        if not ready:
            quiet()
            ready.append(True)
        return convert(record, folder)

    return work


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=op_db_index.cache_folder())
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    told_path = arguments.folder / "peer" / "peer.json"
    with op_db_index.locked(arguments.folder / "peer"):
        told = op_db_index.read_json(told_path, {})
        samples = op_db_index.read_index(arguments.folder)["samples"].values()
        records = [record for record in samples if record["primary"] and record["status"] in CONVERTED and record["id"] not in told]
        written = began = time.monotonic()
        for count, (record, result) in enumerate(workers.run(records, work_in(arguments.folder), arguments.jobs), 1):
            if isinstance(result, workers.Failure):
                result = {"state": "wrong", "reason": f"torch.onnx {result.reason.strip()[-300:]}"}
            told[record["id"]] = result
            if time.monotonic() - written > 10:
                op_db_index.write_json(told_path, told)
                written = time.monotonic()
                print(f"{count}/{len(records)} {written - began:.0f} s", file=sys.stderr, flush=True)
        op_db_index.write_json(told_path, told)
    return 0


if __name__ == "__main__":
    sys.exit(main())
