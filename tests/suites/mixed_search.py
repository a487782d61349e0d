"""Running the pass OrtMixedPrecision, and judging what it did by simulation."""

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from half_simulation import HALF, MOVES, Float32Model, Runner, all_graphs, element_type, inlined, name_of, of_mixed, subgraphs, typed, types_in, worst_errors

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"MatMul", "Conv", "Gemm", "ConvTranspose", "Einsum", "LSTM", "GRU"}


class Refused(Exception):
    pass


@dataclass
class Found:
    """What the pass made of a model."""

    mixed: onnx.ModelProto
    report: dict
    seconds: float

    @property
    def told(self):
        """The nodes that it says it kept in fp32."""
        return {one["node"] for one in self.report["kept_nodes"]}

    @property
    def merged(self):
        """What it kept only because Casts around it would cost more than they save."""
        return {one["node"] for one in self.report.get("merged_nodes", [])}

    @property
    def groups(self):
        return [set(group) for group in self.report["groups"]]


def olivine(*arguments, timeout=600):
    binary = os.environ.get("OLIVINE_BIN", str(ROOT / "build/release/bin/olivine"))
    return subprocess.run([binary, *map(str, arguments)], capture_output=True, text=True, timeout=timeout)


def search(path, feeds, folder, call=olivine, **options):
    """Runs the pass on the model at `path`; `feeds` are what the search may see."""
    files = []
    for number, one in enumerate(feeds):
        files.append(str(folder / f"feeds_{number}.npz"))
        np.savez(files[-1], **one)
    out = folder / "out"
    workflow = {
        "input_model": {"type": "ONNXModel", "model_path": str(path)},
        "passes": {"mixed": {"type": "OrtMixedPrecision", "keep_io_types": True, "inputs": files, **options}},
        "output_dir": str(out),
    }
    flow = folder / "flow.json"
    flow.write_text(json.dumps(workflow))
    began = time.monotonic()
    done = call("run", flow)
    seconds = time.monotonic() - began
    if done.returncode != 0:
        raise Refused(done.stderr.strip() or f"ended with {done.returncode}")
    record = json.loads((out / "run.json").read_text())
    return Found(onnx.load(out / "model.onnx"), record["passes"][0]["report"], seconds)


def largest(errors):
    return max(one.largest for one in errors.values())


# --- what may go along with nodes that must stay ----------------------------------------------------------------------------


class Wiring:
    """Who makes and who uses each value of a model without functions; names are unique in the models here."""

    def __init__(self, model):
        self.nodes = [node for graph in all_graphs(inlined(model).graph) for node in graph.node]
        self.maker = {name: node for node in self.nodes for name in node.output if name}
        self.users = {}
        for node in self.nodes:
            for name in node.input:
                self.users.setdefault(name, []).append(node)
        self.outputs = {value.name for value in model.graph.output}

    def near(self, names):
        """The nodes beside those called `names`."""
        found = set()
        for node in self.nodes:
            if name_of(node) in names:
                found |= {name_of(self.maker[name]) for name in node.input if name in self.maker}
                found |= {name_of(user) for name in node.output for user in self.users.get(name, [])}
        return found - names

    def casts(self, convertible, kept):
        """How many values are used in a type that they are not held in."""
        half = {name for name in convertible if name not in kept}
        count = 0
        for name, maker in self.maker.items():
            if name_of(maker) not in convertible or next(subgraphs(maker), None) is not None:
                continue
            held = name_of(maker) in half
            wanted = [name_of(user) in half for user in self.users.get(name, []) if name_of(user) in convertible]
            wanted += [False] * (name in self.outputs)
            count += any(one != held for one in wanted)
        return count


def company(model, convertible, guilty):
    """Nodes that may stay with the guilty ones because fp16 would cost more Casts there than it saves: light ones beside them, two steps far."""
    wiring = Wiring(model)
    together = set(guilty)
    for _ in range(2):
        for name in sorted(wiring.near(together) & set(convertible)):
            more = wiring.casts(convertible, together | {name}) - wiring.casts(convertible, together)
            if convertible[name] not in HEAVY and (more < 0 or (more == 0 and convertible[name] in MOVES)):
                together.add(name)
    return together - set(guilty)


# --- judging --------------------------------------------------------------------------------------------------------------


class Judge:
    """An fp32 model, the inputs that a search sees and those that it doesn't."""

    def __init__(self, model, seen, unseen):
        self.base = Float32Model(model)
        self.convertible = self.base.convertible()
        self.seen, self.unseen = seen, unseen
        self.reference = Remembered(Runner(self.base.model))

    def errors(self, candidate, feeds):
        return worst_errors(self.reference, Runner(candidate), feeds)

    def with_kept(self, kept, feeds=None):
        return self.errors(self.base.simulated(kept), feeds or self.seen)

    def kept_in(self, mixed):
        """The nodes that could be fp16 and are not: read from the mixed model itself. Some stay by their nature, such as one with a constant
        beyond 65504."""
        there, half = set(), set()

        def walk(graph, outer):
            types = {**outer, **types_in(graph)}
            for node in graph.node:
                there.add(name_of(node))
                if any(name in types and element_type(types[name]) == HALF for name in [*node.input, *node.output]):
                    half.add(name_of(node))
                for body in subgraphs(node):
                    walk(body, types)

        walk(typed(mixed).graph, {})
        return (there - half) & set(self.convertible)

    def faults(self, found, meets):
        """What is wrong with a result. `meets(errors)` says whether the target is met."""
        faults = []
        kept = self.kept_in(found.mixed)
        if not found.report["met"]:
            faults.append("reported as not met")
        unseen = self.errors(of_mixed(found.mixed), self.unseen)
        if not meets(unseen):
            faults.append(f"unseen inputs: {largest(unseen):.3g}")
        if untrue := (found.told & set(self.convertible)) - kept:
            faults.append(f"said to be kept, but fp16: {', '.join(sorted(untrue)[:3])}")
        for group in self.needless(found, kept, meets):
            faults.append(f"needless: {', '.join(sorted(group)[:3])}")
        return faults

    def needless(self, found, kept, meets):
        """The groups that could be given up, one at a time, and the target still be met on the inputs that the search saw."""
        return [group for group in found.groups if meets(self.with_kept(kept - group))]


class Remembered:
    """Answers for feeds that were asked for before."""

    def __init__(self, run):
        self.run, self.answers = run, {}

    def __call__(self, feeds):
        key = id(feeds)
        if key not in self.answers:
            self.answers[key] = (feeds, self.run(feeds))  # the feeds are kept, so that the id stays theirs
        return self.answers[key][1]
