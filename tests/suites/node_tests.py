#!/usr/bin/env python3
"""Runs the suites over onnx's own test models and prints a table; details go to build/suites/NAME.json.

    node_tests.py                    every suite, every case
    node_tests.py float16 --sample   one suite, every tenth case and the hard ones: what `make test` runs
    node_tests.py --peers            also ONNX Runtime's own fp16 converter on the same cases
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import float16
import models
import opset
import roundtrip
import transformers_models

ROOT = Path(__file__).resolve().parents[2]
# invalid: computes right, but the checker objects. impossible: refused, and rightly so. no kernel: ONNX Runtime cannot run it.
VERDICTS = ("right", "impossible", "no kernel", "invalid", "refused", "wrong")
GOOD = ("right", "impossible")
BAD = ("invalid", "refused", "wrong")

SUITES = {
    "roundtrip": (roundtrip.TITLE, roundtrip.suite_cases, roundtrip.check),
    "float16": (float16.TITLE, float16.suite_cases, float16.check),
    "opset": (opset.TITLE, opset.suite_cases, opset.check),
    "opset-models": (models.TITLE, models.suite_cases, models.check),
    "torch-models": (transformers_models.TITLE, transformers_models.suite_cases, transformers_models.check),
    "opset-there-and-back": (f"{opset.TITLE}, there and back", opset.round_trip_cases, opset.check_there_and_back),
}
PEERS = {
    "float16-onnxruntime": (f"{float16.TITLE}, ONNX Runtime's converter", float16.suite_cases, float16.check_onnxruntime),
    "torch-models-torch.onnx": (f"{transformers_models.TITLE}, torch.onnx", transformers_models.peer_cases, transformers_models.check_peer),
    "opset-onnx": (f"{opset.TITLE}, onnx's converter", opset.measured_cases, opset.check_onnx),
}

SAMPLE = 500  # cases of a long suite

# Where other converters fail, and what has its own code in ours.
HARD = {
    "everything", "payloads_raw", "payloads_typed", "test_bitcast_float32_to_int32", "test_blackmanwindow",
    "test_castlike_FLOAT_to_BFLOAT16_expanded", "test_constantofshape_float_ones", "test_dynamicquantizelinear",
    "test_group_normalization_example_expanded", "test_identity_sequence", "test_if", "test_if_opt", "test_if_seq",
    "test_layer_normalization_4d_axis0", "test_loop13_seq", "test_loop16_seq_none", "test_lstm_with_peepholes",
    "test_maxpool_with_argmax_2d_precomputed_pads", "test_melweightmatrix", "test_mvn", "test_nonmaxsuppression_two_classes",
    "test_qlinearmatmul_2D_uint8_float32", "test_quantizelinear_blocked_symmetric", "test_range_float_type_positive_delta",
    "test_resize_upsample_scales_cubic", "test_resize_upsample_sizes_nearest", "test_roialign_aligned_true", "test_scan_sum",
    "test_scatternd_add", "test_sequence_map_add_2_sequences", "test_sequence_map_add_2_sequences_expanded",
    "test_tfidfvectorizer_tf_uniandbigrams_skip5", "test_unsqueeze_three_axes", "test_upsample_nearest",
}

# Set before the workers are forked: the cases hold messages and arrays that would be slow to send.
work = None


def olivine(*arguments):
    binary = os.environ.get("OLIVINE_BIN", str(ROOT / "build/release/bin/olivine"))
    return subprocess.run([binary, *map(str, arguments)], capture_output=True, text=True, timeout=300)


def check_one(number):
    cases, check = work
    with tempfile.TemporaryDirectory() as folder:
        try:
            verdict, reason, *extra = check(cases[number], olivine, Path(folder))
        except Exception as error:  # noqa: BLE001  a case that breaks the suite is a result too
            verdict, reason, extra = "wrong", f"{type(error).__name__}: {error}", []
    return {"case": cases[number].id, "verdict": verdict, "reason": reason, **(extra[0] if extra else {})}


def run_suite(cases, check, jobs):
    global work
    work = cases, check
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        return pool.map(check_one, range(len(cases)), chunksize=8)


def report(name, title, results, seconds, out):
    counts = Counter(result["verdict"] for result in results)
    print(f"\n{title}: {len(results)} models in {seconds:.0f} s")
    print("  " + "   ".join(f"{verdict} {counts[verdict]}" for verdict in VERDICTS if counts[verdict] or verdict in BAD + GOOD[:1]))
    if any("checker" in result for result in results):
        plain, full = (sum(result.get(key, False) for result in results) for key in ("checker", "full_checker"))
        print(f"  accepted by the checker {plain}, by its full check {full}")
    for why, count in Counter(result["why"] for result in results if "why" in result).most_common():
        print(f"  impossible {count}: {why}")
    for result in results:
        if result["verdict"] not in GOOD:
            print(f"  {result['verdict']:8} {result['case']}: {' '.join(result['reason'].split())[:160]}")
    out.mkdir(parents=True, exist_ok=True)
    summary = {"title": title, "models": len(results), "seconds": round(seconds, 1), "counts": dict(counts), "results": results}
    (out / f"{name}.json").write_text(json.dumps(summary, indent=1))
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suites", nargs="*", metavar="SUITE", help="all of ours by default")
    parser.add_argument("--sample", action="store_true", help="only every tenth case (of long suites fewer) and the hard ones")
    parser.add_argument("--only", help="only cases whose name contains this")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--peers", action="store_true", help="also the peers")
    parser.add_argument("--out", type=Path, default=ROOT / "build/suites")
    arguments = parser.parse_args()
    known = {**SUITES, **PEERS}
    names = arguments.suites or [*SUITES, *(PEERS if arguments.peers else [])]
    bad = 0
    for name in names:
        title, make_cases, check = known[name]
        cases = [case for case in make_cases() if not arguments.only or arguments.only in case.id]
        if arguments.sample:
            step = max(10, len(cases) // SAMPLE)
            cases = [case for number, case in enumerate(cases) if number % step == 0 or (step == 10 and case.name in HARD)]
        began = time.monotonic()
        counts = report(name, title, run_suite(cases, check, arguments.jobs), time.monotonic() - began, arguments.out)
        if name in SUITES:
            bad += sum(counts[verdict] for verdict in BAD)
    return 1 if bad > 0 else 0


if __name__ == "__main__":
    sys.exit(main())
