"""Opset conversion: every test model that ONNX Runtime passes, brought to other opsets, checked, loaded and run.

A case is a model and a target. Right means that the checker accepts the converted model (with its full check wherever it
accepts the original so), that ONNX Runtime loads it, and that it computes what the test expects.
"""

import functools
import multiprocessing
import os
from dataclasses import dataclass

import float16
import onnx
import running
from cases import Case, all_cases

TITLE = "opset conversion"
MEASURED = (13, 15, 17, 18, 19, 20, 21, 22, 23)  # what the peers were measured with
TARGETS = (9, 11, *MEASURED, 24, 25, onnx.defs.onnx_opset_version())


@dataclass
class Conversion:
    case: Case
    target: int

    @property
    def id(self):
        return f"{self.case.id}@{self.source}->{self.target}"

    @property
    def name(self):
        return self.case.name

    @property
    def source(self):
        return opset_of(self.case.model)


def opset_of(model):
    return next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), None)


def passes(number):
    case = all_cases()[number]
    return bool(case.data_sets) and opset_of(case.model) is not None and float16.passes_before(case)


@functools.cache
def passing_cases():
    numbers = range(len(all_cases()))
    with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
        verdicts = pool.map(passes, numbers, chunksize=16)
    return [all_cases()[number] for number in numbers if verdicts[number]]


def suite_cases(targets=TARGETS):
    return [Conversion(case, target) for case in passing_cases() for target in targets if target != opset_of(case.model)]


def measured_cases():
    return suite_cases(MEASURED)


def checker_says(model, full):
    try:
        onnx.checker.check_model(model, full_check=full)
    except Exception as error:  # noqa: BLE001  the checker's objection, whatever its type
        return str(error).strip()
    return ""


def judge(case, model):
    """(verdict, reason) of a converted model."""
    try:
        converted = running.session(model)
    except Exception as error:  # noqa: BLE001
        return "wrong", f"does not load: {error}"
    for inputs, expected in case.data_sets:
        try:
            wrong = float16.outcome(converted, case, inputs, expected, case.rtol, max(case.atol, 1e-5))
        except Exception as error:  # noqa: BLE001
            return "wrong", f"does not run: {error}"
        if wrong:
            return "wrong", wrong
    plain = checker_says(model, False)
    full = "" if plain or checker_says(case.model, True) else checker_says(model, True)
    return ("invalid", plain or full) if plain or full else ("right", "")


def convert(source, target, opset, olivine):
    return olivine("run-pass", "--pass-name", "OnnxOpVersionConversion", "--target-opset", opset, "-m", source, "-o", target)


def check(conversion, olivine, folder):
    source, target = folder / "in.onnx", folder / "out.onnx"
    source.write_bytes(conversion.case.model.SerializeToString())
    done = convert(source, target, conversion.target, olivine)
    if done.returncode == 3:
        return "refused", done.stderr.strip()
    if done.returncode != 0:
        return "wrong", f"exit code {done.returncode}: {done.stderr.strip()}"
    return judge(conversion.case, onnx.load(target))


def check_there_and_back(conversion, olivine, folder):
    """The conversion, and from there back to the opset it came from."""
    source, middle, target = (folder / name for name in ("in.onnx", "middle.onnx", "out.onnx"))
    source.write_bytes(conversion.case.model.SerializeToString())
    for one, other, opset in ((source, middle, conversion.target), (middle, target, conversion.source)):
        done = convert(one, other, opset, olivine)
        if done.returncode != 0:
            return "refused" if done.returncode == 3 else "wrong", done.stderr.strip()
    return judge(conversion.case, onnx.load(target))


def round_trip_cases():
    return suite_cases((13, 22))
