"""The operators that models consist of, from PyTorch's operator database; `make suites` runs all of it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import op_db  # noqa: E402
import op_db_chance  # noqa: E402
import op_db_index  # noqa: E402
import op_db_page  # noqa: E402
import op_db_refusals  # noqa: E402
import running  # noqa: E402
import workers  # noqa: E402

TENSOR = {"kind": "tensor"}


@pytest.fixture(scope="module")
def captured():
    """The folder of captured samples, filled when it lacks some that are wanted here."""
    folder = op_db_index.cache_folder()
    if op_db_index.read_index(folder).get("part") == op_db_index.PART:
        return folder
    python = folder.parents[1] / "torch/bin/python"
    if not python.exists():
        pytest.skip("PyTorch is not installed; `scripts/setup torch` brings it")
    command = [python, HERE / "op_db_capture.py", "--part"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.mark.parametrize("options", [[], ["--dynamic"]], ids=["static", "dynamic"])
def test_part(options, captured, tmp_path, olivine):  # noqa: ARG001  the fixture says that there is a binary
    command = [sys.executable, HERE / "op_db.py", "--part", "--jobs", "1", "--folder", captured, "--out", tmp_path, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((tmp_path / f"op_db{'-dynamic' if options else ''}.json").read_text())["results"]
    assert results
    assert not [result["id"] for result in results if result["state"] != "right"], done.stdout


def says(got, wanted, slack=0.0, kind="tensor", values=True):
    return op_db.difference(np.asarray(got), np.asarray(wanted), {"kind": kind}, slack, values)


def test_equal_outputs_are_right():
    values = np.float32([1, np.nan, np.inf, -np.inf, 0])
    assert says(values, values) == ""
    assert says(np.float32([1.000001]), np.float32([1])) == ""
    assert says(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32)) == ""


def test_unequal_outputs_are_wrong():
    assert "1 of 2 elements differ, by up to 0.001" in says(np.float32([1, 1.001]), np.float32([1, 1]))
    assert "instead of nan" in says(np.float32([0]), np.float32([np.nan]))
    assert "instead of inf" in says(np.float32([1e30]), np.float32([np.inf]))
    assert "differ" in says(np.float32([np.nan]), np.float32([1]))
    assert says(np.int64([2]), np.int64([3])) == "1 of 1 elements differ"
    assert says(np.bool_([1]), np.bool_([0])) == "1 of 1 elements differ"


def test_types_and_shapes_must_be_the_same():
    assert says(np.int64([1]), np.bool_([1])) == "dtype int64 instead of bool"
    assert says(np.float32(1), np.float32([1])) == "shape [] instead of [1]"
    assert says(np.float16([1]), np.float32([1]), values=False) == "dtype float16 instead of float32"
    assert says(np.float32([2]), np.float32([1]), values=False) == ""
    assert says(np.float32(2), np.float64(2), kind="float") == ""


def test_places_among_equals_are_chance_unless_the_sort_is_stable():
    values, wanted = np.float32([[2, 1, 2]]), np.int64([[1, 0, 2]])
    record = {"targets": ["aten.sort.default"]}
    assert op_db_chance.is_open(record, [values], np.int64([[1, 2, 0]]), wanted)
    assert not op_db_chance.is_open(record, [values], np.int64([[1, 2, 2]]), wanted)
    assert not op_db_chance.is_open(record, [values], np.int64([[0, 2, 1]]), wanted)
    assert not op_db_chance.is_open({"targets": ["aten.sort.stable"]}, [values], np.int64([[1, 2, 0]]), wanted)
    assert op_db_chance.is_open({"targets": ["aten.kthvalue.default"]}, [values], np.int64([2]), np.int64([0]))


def test_a_search_in_what_is_not_sorted_finds_anything():
    record = {"targets": ["aten.searchsorted.Scalar"]}
    assert op_db_chance.is_open(record, [np.float32([1, 3, 2])], np.int64(1), np.int64(2))
    assert not op_db_chance.is_open(record, [np.float32([1, 3, 2]), np.int64([0, 2, 1])], np.int64(1), np.int64(2))


def test_what_pytorch_gets_inaccurate_may_be_so_but_within_bounds():
    assert says(np.float32([1.0003]), np.float32([1]), slack=1e-4) == ""
    assert "differ" in says(np.float32([1]), np.float32([0]), slack=1.0)


def test_a_crash_costs_its_task_only():
    def work(task):
        if task == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return 1 // task

    results = dict(workers.run([0, 1, 2, 3], work, jobs=2))
    assert results[1] == 1 and results[3] == 0
    assert "ZeroDivisionError" in results[0].reason
    assert results[2].reason == "crashed with exit code -9"


def test_a_task_that_hangs_is_given_up():
    def work(task):
        time.sleep(task)
        return task

    results = dict(workers.run([0, 60], work, jobs=2, seconds=1))
    assert results[0] == 0 and results[60].reason == "not done after 1 s"


def test_the_page_tells_every_state(tmp_path):
    def result(operator, state, reason="", **others):
        return {"id": operator, "operator": operator, "variant": "", "dtype": "float32", "primary": True, "status": "ok", "state": state,
                "reason": reason, **others}

    reason = "error[conversion]: /some/where/x.pt2: 'svd_1' (aten.svd.default) in 'layer': no operator of ONNX | decomposes"
    static = [result("add", "right"), result("svd", "refused", reason), result("rand", "right", status="random")]
    index = {"torch": "1.0", "operators": 4, "samples": {"equal": result("equal", "", "a guard", status="not exportable")}}
    op_db_page.write(tmp_path / "page.md", index, static, static[:1], [], 20)
    page = (tmp_path / "page.md").read_text()
    for expected in (
        "| an operator's own type | 2 | 50.0 % | 1 | 1 | 0 | 0 |", "| `add` | 1 right |  |  |  | 1 right |  |", "| `rand` | 1 right (random) |",
        "| 1 | aten.svd.default | no operator of ONNX \\| decomposes | svd |", "| `equal` | 1 | not exportable | a guard |",
    ):
        assert expected in page, page


def test_scalars_reach_onnx_runtime_as_scalars():
    assert running.to_ort(np.float32(1)).shape() == []
    assert running.to_ort(np.zeros((2, 3), np.float32).T).shape() == [3, 2]


def test_refusals_are_told_by_operator():
    unknown = 'error[conversion]: x.pt2: operators of the program that are not known: aten.a.default (1 call), prims.b.default (2 calls); export it'
    assert op_db_refusals.obstacles(unknown) == ["aten.a.default", "prims.b.default"]
    explained = "error[conversion]: x.pt2: 'a_1' (aten.a.Tensor): no complex numbers\n  'a_2' (aten.a.Tensor) in 'm': no complex numbers"
    assert op_db_refusals.obstacles(explained) == ["aten.a.Tensor: no complex numbers"]
    assert op_db_refusals.obstacles("error[conversion]: x.pt2: schema version 99") == ["schema version 99"]
