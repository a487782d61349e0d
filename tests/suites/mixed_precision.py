#!/usr/bin/env python3
"""OrtMixedPrecision held against known answers and on real models, by simulation of fp16; details go to build/suites/mixed-*.json.

    mixed_precision.py                    200 variants of the made models, then the real ones
    mixed_precision.py made --variants 12 only made ones, twelve
    mixed_precision.py made --kind loop   of one kind
    mixed_precision.py real --model T5    one real model
    mixed_precision.py real --peers       also what others keep of it (scripts/setup peers)
"""

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import mixed_models
import mixed_real
import onnx
from mixed_search import HEAVY, Judge, Refused, company, largest, olivine, search

ROOT = Path(__file__).resolve().parents[2]
PEERS_PYTHON = mixed_real.DEPS / "peers/bin/python"
COSINE = 0.9999
MARGIN = 6  # of a made model: between what suffices and what doesn't


def targets_of(proved):
    """(options of the pass, whether errors meet them): an absolute tolerance that is the model's own, and a cosine where that has the same answer."""
    yield {"atol": proved.target, "rtol": 0.0}, lambda errors: largest(errors) <= proved.target
    if proved.holds_by_cosine(COSINE):
        yield {"cosine": COSINE}, lambda errors: all(one.cosine >= COSINE for one in errors.values())


def check_target(one, judge, options, meets, call):
    """What is wrong with the pass's answer to one target, and what it says."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.onnx"
        onnx.save(one.model, path)
        try:
            found = search(path, judge.seen, Path(folder), call, **options)
        except Refused as refusal:
            return {"faults": [str(refusal).splitlines()[0]]}
    kept = judge.kept_in(found.mixed)
    faults = [f"given up: {name}" for name in sorted(one.guilty - kept)]
    merged = {name for name in found.merged if judge.convertible.get(name) not in HEAVY}
    beside = one.beside | merged | company(one.model, judge.convertible, one.guilty)
    faults += [f"kept for nothing: {name}" for name in sorted(kept - one.guilty - beside)]
    faults += judge.faults(found, meets)
    exact = kept == one.guilty
    return {"faults": faults, "exact": exact, "inferences": found.report["inferences"], "seconds": found.seconds}


def check_variant(one, call=olivine):
    """What is wrong with the pass's answers, over the targets."""
    proved = mixed_models.proof(one)
    if proved.margin < MARGIN:
        return {"case": one.id, "kind": one.kind, "faults": [f"the model shows nothing: margin {proved.margin:.3g}"]}
    judge = Judge(one.model, [one.feeds(seed) for seed in mixed_models.SEARCH_SEEDS], [one.feeds(seed) for seed in mixed_models.UNSEEN_SEEDS])
    answers = {next(iter(options)): check_target(one, judge, options, meets, call) for options, meets in targets_of(proved)}
    faults = [f"{target}: {fault}" for target, answer in answers.items() for fault in answer["faults"]]
    return {"case": one.id, "kind": one.kind, "faults": faults, "exact": all(answer.get("exact") for answer in answers.values()), "answers": answers}


def check_number(kind, number):
    return check_variant(mixed_models.variant(kind, number))


def check_made(arguments):
    kinds = [arguments.kind] if arguments.kind else list(mixed_models.KINDS)
    cases = [(kinds[index % len(kinds)], index // len(kinds)) for index in range(arguments.variants)]
    began = time.monotonic()
    with multiprocessing.get_context("fork").Pool(arguments.jobs) as pool:
        results = pool.starmap(check_number, cases, chunksize=4)
    print(f"\nmixed precision of models with known answers: {len(results)} in {time.monotonic() - began:.0f} s")
    total, right, exact = (Counter() for _ in range(3))
    for result in results:
        total[result["kind"]] += 1
        right[result["kind"]] += not result["faults"]
        exact[result["kind"]] += not result["faults"] and result["exact"]
    for kind, count in total.items():
        print(f"  {kind:10} {count:4}   right {right[kind]:4}   exactly the guilty nodes {exact[kind]:4}")
    for result in results:
        if result["faults"]:
            print(f"  {result['case']}: {'; '.join(result['faults'])[:200]}")
    return results


def number(value, form):
    return format(value, form) if value is not None else ""


def check_real(arguments):
    titles = [arguments.model] if arguments.model else list(mixed_real.PATHS)
    print("\nmixed precision of real models\n  model                target    nodes   fp32 groups inferences      s    error  all fp16")
    results = []
    for title in titles:
        rows = mixed_real.look_at(title)
        if arguments.peers and mixed_real.PATHS[title].exists():
            rows += mixed_real.peers(title, PEERS_PYTHON if PEERS_PYTHON.exists() else None, arguments.limit)
        for row in rows:
            row.setdefault("faults", [])
            first = f"  {row['model']:20} {row.get('target') or row.get('tool', ''):20}"
            cells = [("nodes", "6"), ("kept", "6"), ("groups", "6"), ("inferences", "10.1f"), ("seconds", "6.1f"), ("error", "8.3g"), ("half", "8.3g")]
            print(first + " ".join(number(row.get(key), form).rjust(int(form.split(".")[0])) for key, form in cells), row.get("failure", ""), flush=True)
            for fault in row["faults"]:
                print(f"      {fault[:200]}")
        results += rows
    return results


def write(name, results, out):
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_text(json.dumps(results, indent=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help="made, real; both by default")
    parser.add_argument("--variants", type=int, default=200)
    parser.add_argument("--kind", choices=list(mixed_models.KINDS))
    parser.add_argument("--model", choices=list(mixed_real.PATHS))
    parser.add_argument("--peers", action="store_true", help="also what other tools keep")
    parser.add_argument("--limit", type=float, default=300, help="seconds for a peer's search")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path, default=ROOT / "build/suites")
    arguments = parser.parse_args()
    bad = 0
    for name, check in (("made", check_made), ("real", check_real)):
        if name in (arguments.parts or ("made", "real")):
            results = check(arguments)
            write(f"mixed-{name}", results, arguments.out)
            bad += sum(bool(result["faults"]) for result in results)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
