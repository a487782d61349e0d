#!/usr/bin/env python3
"""Measures the command side by side with cp and the peers, and fills the tables of docs/benchmarks.md and README.md.

    bench.py                       every model, seven runs each
    bench.py tiny bert-base        only these
    bench.py --runs 15 --no-docs   more runs, nothing written but build/bench.json
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import models
from measure import Job, Result, measure
from tables import fill_documents

ROOT = Path(__file__).resolve().parents[1]
DEPS = Path(os.environ.get("OLIVINE_DEPS", ROOT / ".deps"))
OLIVINE = os.environ.get("OLIVINE_BIN", str(ROOT / "build/release/bin/olivine"))
PEERS_PYTHON = DEPS / "peers/bin/python"

FP16 = {"type": "OnnxFloatToFloat16", "keep_io_types": True}
IO_TYPES = {"type": "OnnxIODataTypeConverter", "source_dtype": 1, "target_dtype": 10}
TORCH_PYTHON = DEPS / "torch/bin/python"
PROGRAMS = {"tiny program": "tiny", "bert-base program": "bert-base", "large program": "large"}
MIXED = ("tiny", "bert-base")  # whose precision is also chosen by running them
MODELS = [*models.MAKERS, *PROGRAMS]


def fixed_shape(name):
    symbols = ["batch", "sequence"] if name in ("bert-base", "large") else ["batch"]
    return {"type": "DynamicToFixedShape", "dim_param": symbols, "dim_value": [1, 128][: len(symbols)]}


def works(name):
    """The workflows that a model is measured with: name → passes."""
    fixed = fixed_shape(name)
    mixed = {"type": "OrtMixedPrecision", "keep_io_types": True, "dims": dict(zip(fixed["dim_param"], fixed["dim_value"]))}
    return {
        "fp16": {"fp16": FP16},
        "IO types": {"io": IO_TYPES},
        "fixed shape": {"fixed": fixed},
        "opset up": {"opset": {"type": "OnnxOpVersionConversion", "target_opset": 21}},
        "opset down": {"opset": {"type": "OnnxOpVersionConversion", "target_opset": 13}},
        "chain of three": {"fixed": fixed, "fp16": FP16, "io": IO_TYPES},
        **({"mixed": {"mixed": mixed}} if name in MIXED else {}),
    }


def inference(name, model):
    """One fp32 inference in ONNX Runtime, at the size and with the threads that the search for mixed precision uses."""
    fixed = fixed_shape(name)
    sizes = [f"{symbol}={size}" for symbol, size in zip(fixed["dim_param"], fixed["dim_value"])]
    done = subprocess.run([sys.executable, str(ROOT / "bench/inference.py"), str(model), *sizes], capture_output=True, text=True)
    if done.returncode != 0:
        return Result("inference", failure=done.stderr.strip() or "failed")
    return Result("inference", **json.loads(done.stdout))


def olivine_job(name, title, passes, model, scratch):
    output = scratch / "out"
    workflow = {"input_model": {"type": "ONNXModel", "model_path": str(model)}, "passes": passes, "output_dir": str(output)}
    path = scratch / f"{name}-{title.replace(' ', '-')}.json"
    path.write_text(json.dumps(workflow))
    return Job(title, [OLIVINE, "run", "--config", str(path)], output)


# Tool of peer.py, the module that it needs, and the work that it does.
PEERS = (
    ("onnxruntime", "onnxruntime.transformers", "fp16, onnxruntime"),
    ("converter-common", "onnxconverter_common", "fp16, converter-common"),
    ("olive", "olive", "fp16, olive"),
    ("onnx-opset", "onnx.version_converter", "opset up, onnx"),
    ("olive-opset", "olive", "opset up, olive"),
    ("mixed-converter-common", "onnxconverter_common.auto_mixed_precision", "mixed, converter-common"),
)
SLOW = {"mixed-converter-common"}  # not for large models: it writes and runs a model for each step


def peer_jobs(name, model, scratch):
    output = scratch / "peer-out" / "model.onnx"
    output.parent.mkdir(exist_ok=True)
    jobs = []
    script = str(ROOT / "bench/peer.py")
    python = str(PEERS_PYTHON) if PEERS_PYTHON.exists() else sys.executable
    for tool, module, title in PEERS:
        if tool in SLOW and name != "tiny":
            continue
        present = subprocess.run([python, "-c", f"import importlib.util as u, sys; sys.exit(u.find_spec('{module}') is None)"])
        if present.returncode == 0:
            jobs.append(Job(title, [python, script, tool, str(model), str(output)], output.parent / "model.onnx"))
    return jobs


def program(name):
    """The program's archive, made by PyTorch once and kept."""
    path = DEPS / "bench/programs" / f"{name}.pt2"
    if not path.exists():
        if not TORCH_PYTHON.exists():
            sys.exit("the programs need PyTorch once: scripts/setup torch")
        subprocess.run([str(TORCH_PYTHON), str(ROOT / "bench/programs.py"), str(path.parent), name], check=True)
    return path


def program_peers(path, scratch):
    """torch.onnx on the same archive, and pnnx on the same model in TorchScript."""
    output = scratch / "peer-out"
    output.mkdir(exist_ok=True)
    jobs = [Job("torch.onnx", [str(TORCH_PYTHON), str(ROOT / "bench/peer.py"), "torch-onnx", str(path), str(output / "model.onnx")], output / "model.onnx")]
    pnnx = PEERS_PYTHON.with_name("pnnx")
    script = path.with_suffix(".pt")
    if pnnx.exists() and script.exists():
        copy = output / script.name  # it writes beside its input
        copy.symlink_to(script)
        command = [str(pnnx), str(copy), "inputshape=[2,8]i64,[2,8]i64", "inputshape2=[3,12]i64,[3,12]i64"]
        jobs.append(Job("pnnx", command, output / f"{script.stem}.pnnx.onnx", output))
    return jobs


def bench_program(name, arguments, scratch):
    path = program(PROGRAMS[name])
    subprocess.run(["cat", str(path)], stdout=subprocess.DEVNULL, check=True)  # into the page cache
    jobs = [
        Job("cp", ["cp", str(path), str(scratch / "copy")], scratch / "copy"),
        Job("convert", [OLIVINE, "convert", str(path), "-o", str(scratch / "out" / "model.onnx")], scratch / "out"),
    ]
    results = measure(jobs, 5 if name == "large program" else max(5, arguments.runs), scratch)
    if name != "large program" and arguments.peer_runs > 0 and TORCH_PYTHON.exists():
        results += measure(program_peers(path, scratch), arguments.peer_runs, scratch)
    return {"bytes": path.stat().st_size, "results": [asdict(result) for result in results]}


def bytes_of(folder):
    return sum(path.stat().st_size for path in folder.iterdir())


def bench_model(name, arguments, scratch):
    model = models.model(name, DEPS / "bench")
    folder = model.parent
    runs = max(5, arguments.runs) if name != "large" else 5
    for path in folder.iterdir():
        subprocess.run(["cat", str(path)], stdout=subprocess.DEVNULL, check=True)  # into the page cache
    jobs = [Job("cp", ["cp", "-r", str(folder), str(scratch / "copy")], scratch / "copy")]
    jobs += [olivine_job(name, title, passes, model, scratch) for title, passes in works(name).items()]
    results = measure(jobs, runs, scratch)
    if name == "bert-base":
        results.append(inference(name, model))
    if name in ("tiny", "bert-base") and arguments.peer_runs > 0:
        results += measure(peer_jobs(name, model, scratch), arguments.peer_runs, scratch)
    return {"bytes": bytes_of(folder), "results": [asdict(result) for result in results]}


def machine():
    cpu = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.split(":")[1].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    version = subprocess.run([OLIVINE, "version"], capture_output=True, text=True).stdout.splitlines()
    return {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory),
        "system": platform.freedesktop_os_release()["PRETTY_NAME"],
        "kernel": platform.release().split("-")[0],
        "olivine": version[0] if version else "",
        "peers": peer_versions(),
    }


def peer_versions():
    names = ["onnx", "onnxruntime", "onnxconverter-common", "olive-ai", "torch", "pnnx"]
    code = "import importlib.metadata as m\nfor n in %r:\n try: print(n, m.version(n))\n except m.PackageNotFoundError: pass" % names
    python = str(PEERS_PYTHON) if PEERS_PYTHON.exists() else sys.executable
    return subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.split("\n")[:-1]


def room_for_large(folder):
    """Input, a copy and an output of 6 GB each, unless the input is there already."""
    have = 0 if not (folder / "large").exists() else 1
    return shutil.disk_usage(folder).free > (3 - have) * 7e9


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"of {', '.join(MODELS)}; all by default")
    parser.add_argument("--runs", type=int, default=7, help="at least five")
    parser.add_argument("--peer-runs", type=int, default=3, help="0 leaves the peers out")
    parser.add_argument("--no-docs", action="store_true", help="leave docs/ and README.md as they are")
    arguments = parser.parse_args()
    (DEPS / "bench").mkdir(parents=True, exist_ok=True)
    kept = ROOT / "build/bench.json"
    measured = json.loads(kept.read_text())["models"] if kept.exists() and arguments.models else {}
    for name in arguments.models or MODELS:
        if name == "large" and not room_for_large(DEPS / "bench"):
            print("large: left out, there is no room for it on this disk")
            continue
        with tempfile.TemporaryDirectory(dir=DEPS / "bench") as scratch:
            bench = bench_program if name in PROGRAMS else bench_model
            measured[name] = bench(name, arguments, Path(scratch))
        print(f"{name} ({measured[name]['bytes'] / 1e6:.4g} MB)")
        for one in measured[name]["results"]:
            if one["failure"]:
                print(f"  {one['name']:24} failed: {one['failure'].splitlines()[-1][:120]}")
            else:
                print(f"  {one['name']:24} {one['wall'] * 1e3:9.1f} ms   cpu {one['cpu'] * 1e3:9.1f} ms   {one['rss'] / 2**20:7.1f} MiB")
    kept.parent.mkdir(exist_ok=True)
    results = {"machine": machine(), "models": measured}
    kept.write_text(json.dumps(results, indent=1))
    if not arguments.no_docs:
        fill_documents(ROOT, results)


if __name__ == "__main__":
    main()
