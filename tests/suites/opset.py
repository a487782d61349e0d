"""Opset conversion: every test model that ONNX Runtime passes, brought to other opsets, checked, loaded and run.

A refusal counts as impossible when its reason is one of IMPOSSIBLE, else as refused; a model for which ONNX Runtime has no
kernel, though the checker accepts it, counts as "no kernel".

A case is a model and a target. Right means that the checker accepts the converted model (with its full check wherever it
accepts the original so), that ONNX Runtime loads it, and that it computes what the test expects.
"""

import functools
import multiprocessing
import os
import re
from dataclasses import dataclass

import float16
import onnx
import running
from cases import Case, all_cases

TITLE = "opset conversion"
MEASURED = (13, 15, 17, 18, 19, 20, 21, 22, 23)  # what the peers were measured with
TARGETS = (9, 11, *MEASURED, 24, 25, onnx.defs.onnx_opset_version())


# Types, and the opset that each came with.
NEW_TYPES = {
    "bfloat16": 13, "float8e8m0": 24, "float8": 19, "int4": 21, "uint4": 21, "float4e2m1": 23, "int2": 25, "uint2": 25,
    "float6": 28,
}
# What no model of the target can say, by the words of the refusal.
IMPOSSIBLE = {
    r"reads the bits of one type as another": "BitCast between floats and integers: nothing before opset 26 reads bits",
    r"nothing copies an optional|does not take optional|no optional values before": "optional values below opset 15 and 16",
    r"does not take seq\(|there are no sequences|no Sequence": "sequences below opset 11, and in a Loop below 13",
    r"before opset 11 they must be alike": "branches of different shapes below opset 11",
    r"NonMaxSuppression 10:": "NonMaxSuppression below opset 10",
    r"Det 11:": "determinants below opset 11",
    r"a quotient of floats is rounded": "the remainder of floats below opset 10",
    r"(float8e8m0 is|float8 types are) new": "types that the target does not have",
}


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


def why_impossible(reason, target):
    """The class of a refusal, or nothing."""
    for words, title in IMPOSSIBLE.items():
        if re.search(words, reason):
            return title
    for dtype in re.findall(r"(?:does not take|cannot be) (\w+)", reason):
        came = next((opset for name, opset in NEW_TYPES.items() if dtype == name or (name in ("float8", "float6") and dtype.startswith(name))), 0)
        if came > target:
            return "types that the target does not have"
    return ""


@functools.cache
def kernels():
    from onnxruntime.capi import _pybind_state

    return [(one.op_name, *one.version_range) for one in _pybind_state.get_all_opkernel_def() if one.domain == "" and "CPU" in one.provider]


def lacks_kernel(error):
    """Whether ONNX Runtime has no kernel of that version of the operator, of whatever type. An open range of versions means
    the first one only, until a newer release says what the next one is."""
    found = re.search(r"Could not find an implementation for (\w+)\((\d+)\)", error)
    if not found:
        return False
    version = int(found[2])
    return not any(
        name == found[1] and first <= version <= last and (last < 2**31 - 1 or first == version) for name, first, last in kernels()
    )


def judge(case, model):
    """(verdict, reason) of a converted model."""
    try:
        converted = running.session(model)
    except Exception as error:  # noqa: BLE001
        if lacks_kernel(str(error)) and not checker_says(model, False):
            return "no kernel", str(error)
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


def refused(reason, target):
    title = why_impossible(reason, target)
    return ("impossible", reason, {"why": title}) if title else ("refused", reason)


def check(conversion, olivine, folder):
    source, target = folder / "in.onnx", folder / "out.onnx"
    source.write_bytes(conversion.case.model.SerializeToString())
    done = convert(source, target, conversion.target, olivine)
    if done.returncode == 3:
        return refused(done.stderr.strip(), conversion.target)
    if done.returncode != 0:
        return "wrong", f"exit code {done.returncode}: {done.stderr.strip()}"
    return judge(conversion.case, onnx.load(target))


def check_onnx(conversion, _, folder):
    """onnx's own converter on the same case."""
    from onnx import version_converter

    try:
        model = version_converter.convert_version(conversion.case.model, conversion.target)
    except Exception as error:  # noqa: BLE001  the tool's refusal, whatever its type
        return "refused", f"{type(error).__name__}: {error}"
    return judge(conversion.case, model)


def check_there_and_back(conversion, olivine, folder):
    """The conversion, and from there back to the opset it came from."""
    source, middle, target = (folder / name for name in ("in.onnx", "middle.onnx", "out.onnx"))
    source.write_bytes(conversion.case.model.SerializeToString())
    for one, other, opset in ((source, middle, conversion.target), (middle, target, conversion.source)):
        done = convert(one, other, opset, olivine)
        if done.returncode == 3:
            return refused(done.stderr.strip(), opset)
        if done.returncode != 0:
            return "wrong", done.stderr.strip()
    return judge(conversion.case, onnx.load(target))


def round_trip_cases():
    return suite_cases((13, 22))
