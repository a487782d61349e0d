"""The command from outside: flags, files, texts and exit codes."""

import json
import signal
import subprocess
import time

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper


def make_model(scale=1.0, symbol="batch", size=8, opset=20, **extra):
    """x[batch, size] -> Relu(MatMul(x, w) * scale)"""
    weights = np.sin(np.arange(size * size, dtype=np.float32)).reshape(size, size)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["product"], name="product"),
        helper.make_node("Mul", ["product", "scale"], ["scaled"], name="scaling"),
        helper.make_node("Relu", ["scaled"], ["y"], name="relu"),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [symbol, size])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [symbol, size])],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.float32(scale), "scale")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9, **extra)


@pytest.fixture
def folder(tmp_path):
    onnx.save(make_model(), tmp_path / "model.onnx")
    return tmp_path


def write_flow(folder, **keys):
    flow = {"input_model": {"type": "ONNXModel", "model_path": "model.onnx"}, "output_dir": "out", **keys}
    (folder / "flow.json").write_text(json.dumps(flow))
    return folder / "flow.json"


FP16 = {"fp16": {"type": "OnnxFloatToFloat16", "keep_io_types": True}}


# Running a workflow


def test_run_writes_what_olive_writes(olivine, folder):
    write_flow(folder, passes=FP16)
    done = olivine("run", "--config", "flow.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("wrote out/model.onnx (")
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["model.onnx", "model_config.json", "run.json"]
    model = onnx.load(folder / "out/model.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert {tensor.data_type for tensor in model.graph.initializer} == {TensorProto.FLOAT16}
    assert model.graph.input[0].type.tensor_type.elem_type == TensorProto.FLOAT

    config = json.loads((folder / "out/model_config.json").read_text())
    assert config["type"] == "ONNXModel"
    assert config["config"]["model_path"] == str(folder / "out/model.onnx")

    report = json.loads((folder / "out/run.json").read_text())
    (step,) = report["passes"]
    assert (step["name"], step["type"], step["changed"]) == ("fp16", "OnnxFloatToFloat16", True)
    assert step["options"]["keep_io_types"] is True
    assert step["options"]["target_dtype"] == "float16" and step["options"]["size_threshold"] == 1024
    assert step["weight_bytes"] == {"before": 260, "after": 130}
    assert step["nodes"]["before"] == 3
    assert report["output"]["files"] == [{"name": "model.onnx", "bytes": (folder / "out/model.onnx").stat().st_size}]
    assert report["seconds"]["total"] >= step["seconds"]


@pytest.mark.parametrize("form", [["flow.json"], ["--config", "flow.json"], ["--run-config", "flow.json"], ["--run_config=flow.json"]])
def test_run_takes_olives_forms(olivine, folder, form):
    write_flow(folder)
    assert olivine("run", *form, cwd=folder).returncode == 0
    assert (folder / "out/model.onnx").exists()


def test_a_chain_of_all_passes(olivine, folder):
    passes = {
        "fixed": {"type": "DynamicToFixedShape", "input_dim": ["batch"], "dim_value": [4]},
        "fp16": {"type": "OnnxFloatToFloat16"},
        "io": {"type": "OnnxIODataTypeConverter", "source_dtype": 10, "target_dtype": 1},
    }
    write_flow(folder, passes=passes, verify=True)
    done = olivine("run", "flow.json", "--check-passes", cwd=folder)
    assert done.returncode == 0, done.stderr
    model = onnx.load(folder / "out/model.onnx")
    onnx.checker.check_model(model, full_check=True)
    (x,) = model.graph.input
    assert x.type.tensor_type.elem_type == TensorProto.FLOAT
    assert [dim.dim_value for dim in x.type.tensor_type.shape.dim] == [4, 8]
    report = json.loads((folder / "out/run.json").read_text())
    assert [step["name"] for step in report["passes"]] == ["fixed", "fp16", "io"]
    assert report["verify"]["passed"] is True


def test_run_lets_flags_overrule_the_file(olivine, folder):
    onnx.save(make_model(scale=3.0), folder / "other.onnx")
    write_flow(folder)
    done = olivine("run", "flow.json", "-m", "other.onnx", "-o", "elsewhere/one.onnx", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (folder / "elsewhere").iterdir()] == ["one.onnx"]
    scale = {t.name: t for t in onnx.load(folder / "elsewhere/one.onnx").graph.initializer}["scale"]
    assert numpy_helper.to_array(scale) == 3


def test_paths_are_relative_to_the_current_directory_or_the_workflow(olivine, folder, tmp_path_factory):
    write_flow(folder)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    done = olivine("run", folder / "flow.json", cwd=elsewhere)
    assert done.returncode == 0, done.stderr
    assert (elsewhere / "out/model.onnx").exists() and not (folder / "out").exists()


def test_dry_run_writes_nothing(olivine, folder):
    write_flow(folder, passes=FP16)
    done = olivine("run", "flow.json", "--dry-run", "--report", "report.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert not (folder / "out").exists()
    assert json.loads((folder / "report.json").read_text())["passes"][0]["changed"] is True


def test_the_model_is_the_same_whatever_the_number_of_threads(olivine, folder):
    write_flow(folder, passes=FP16)
    models = []
    for threads in ("1", "2", "7"):
        assert olivine("run", "flow.json", "--threads", threads, "-o", f"out{threads}", cwd=folder).returncode == 0
        models.append((folder / f"out{threads}/model.onnx").read_bytes())
    assert models[0] == models[1] == models[2]


def test_notices_are_shown_and_noted(olivine, folder):
    write_flow(folder, cache_dir="cache", systems={"local": {"type": "LocalSystem"}}, target="local")
    done = olivine("run", "flow.json", cwd=folder)
    assert done.returncode == 0
    assert "notice: flow.json: without effect: cache_dir (nothing is cached" in done.stderr
    assert any("systems, target" in notice for notice in json.loads((folder / "out/run.json").read_text())["notices"])
    assert olivine("run", "flow.json", "--quiet", cwd=folder).stderr == ""
    assert olivine("run", "flow.json", "--quiet", cwd=folder).stdout == ""
    assert olivine("run", "flow.json", "--log-level", "warning", cwd=folder).stderr == ""
    assert "info: pass" not in olivine("run", "flow.json", cwd=folder).stderr


def test_log_level(olivine, folder):
    write_flow(folder, passes=FP16)
    assert "info: pass fp16 (OnnxFloatToFloat16): changed" in olivine("run", "flow.json", "--log-level=info", cwd=folder).stderr
    assert "info: pass fp16" in olivine("run", "flow.json", "--log_level", "1", cwd=folder).stderr
    done = olivine("run", "flow.json", "--log-level", "loud", cwd=folder)
    assert (done.returncode, done.stderr) == (2, "error[config]: --log-level: 'loud' is no level; give debug, info, notice, warning or error\n")


def test_dump_after(olivine, folder):
    write_flow(folder, passes=FP16)
    done = olivine("run", "flow.json", "--dump-after", "fp16", "--check-passes", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "MatMul" in done.stdout and "float16" in done.stdout
    assert olivine("run", "flow.json", "--dump-after", "fp61", cwd=folder).returncode == 2


# Verification


def verify(folder, **keys):
    return write_flow(folder, passes=FP16, verify=keys)


def test_verify_goes_into_the_report(olivine, folder):
    verify(folder, runs=2, dims={"batch": 3})
    done = olivine("run", "flow.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    result = json.loads((folder / "out/run.json").read_text())["verify"]
    assert result["passed"] is True and result["runs"] == 2
    assert result["outputs"][0]["name"] == "y"
    assert 0 < result["outputs"][0]["max_absolute_error"] < 0.01
    assert result["provider"] == "CPUExecutionProvider"


def test_a_failed_verification_leaves_the_output_alone(olivine, folder):
    (folder / "out").mkdir()
    (folder / "out/model.onnx").write_text("before")
    verify(folder, atol=0, rtol=0)
    done = olivine("run", "flow.json", "--report", "report.json", cwd=folder)
    assert done.returncode == 4
    assert "\nerror[verification]: model.onnx: the result does not compute what the original computes" in done.stderr
    assert "DIFFERS" in done.stderr and "the models part at" in done.stderr
    assert (folder / "out/model.onnx").read_text() == "before"
    assert [path.name for path in (folder / "out").iterdir()] == ["model.onnx"]
    report = json.loads((folder / "report.json").read_text())
    assert report["verify"]["passed"] is False
    assert report["verify"]["divergence"]["node"]
    assert report["output"] is None


def test_a_failed_verification_may_just_be_reported(olivine, folder):
    verify(folder, atol=0, rtol=0, on_failure="report")
    done = olivine("run", "flow.json", cwd=folder)
    assert done.returncode == 0
    assert "warning: the result does not compute what the original computes" in done.stderr
    assert json.loads((folder / "out/run.json").read_text())["verify"]["passed"] is False


def test_verification_is_not_counted_as_writing(olivine, folder):
    onnx.save(make_model(scale=1e6), folder / "model.onnx")
    verify(folder, on_failure="report")
    done = olivine("run", "flow.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    step = json.loads((folder / "out/run.json").read_text())["passes"][0]
    assert step["report"]["tensors_out_of_range"] == [{"name": "scale", "elements": 1, "clamped": 1, "flushed": 0}]


def test_verify_with_input_files(olivine, folder):
    np.savez(folder / "inputs.npz", x=np.ones((5, 8), np.float32))
    verify(folder, inputs="inputs.npz")
    done = olivine("run", "flow.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "5" in json.loads((folder / "out/run.json").read_text())["verify"]["outputs"][0]["shape"]


# One pass


def test_run_pass_with_flags(olivine, folder):
    done = olivine("run-pass", "--pass-name", "onnxfloattofloat16", "-m", "model.onnx", "-o", "out", "--keep-io-types", "--op-block-list", "Relu", cwd=folder)
    assert done.returncode == 0, done.stderr
    options = json.loads((folder / "out/run.json").read_text())["passes"][0]["options"]
    assert options["keep_io_types"] is True and options["op_block_list"] == ["Relu"]


@pytest.mark.parametrize(
    "flags, expected",
    [
        (["--keep_io_types"], {"keep_io_types": True}),
        (["--keep-io-types=false"], {"keep_io_types": False}),
        (["--keep-io-types", "x"], {"keep_io_types": ["x"]}),
        (["--keep-io-types", '["x", "y"]'], {"keep_io_types": ["x", "y"]}),
        (["--op-block-list", "Relu", "--op-block-list", "Mul"], {"op_block_list": ["Relu", "Mul"]}),
        (["--op-block-list", '["Relu", "Mul"]'], {"op_block_list": ["Relu", "Mul"]}),
        (["--max-finite-val", "1e3"], {"max_finite_val": 1000}),
        (["--target-dtype", "bfloat16"], {"target_dtype": "bfloat16"}),
        (["--target-dtype", "16"], {"target_dtype": 16}),
        (["--save-as-external-data", "--size-threshold=0"], {"save_as_external_data": True, "size_threshold": 0}),
        (["--no-all-tensors-to-one-file"], {"all_tensors_to_one_file": False}),
        (["--pass-config", '{"keep_io_types": true, "max_finite_val": 5}', "--max-finite-val", "6"], {"keep_io_types": True, "max_finite_val": 6}),
    ],
)
def test_flags_become_options(olivine, folder, flags, expected):
    done = olivine("run-pass", "--pass-name", "OnnxFloatToFloat16", "-m", "model.onnx", "--dry-run", "--report", "r.json", *flags, cwd=folder)
    assert done.returncode == 0, done.stderr
    options = json.loads((folder / "r.json").read_text())["passes"][0]["options"]
    assert {key: options[key] for key in expected} == expected


def test_lists_of_lists_as_flags(olivine, folder):
    for shape in ("[[4, 8]]", "[4, 8]", "4,8"):
        done = olivine("run-pass", "--pass-name", "DynamicToFixedShape", "-m", "model.onnx", "-o", "o.onnx", "--input-name", "x", "--input-shape", shape, cwd=folder)
        assert done.returncode == 0, done.stderr
        dims = onnx.load(folder / "o.onnx").graph.input[0].type.tensor_type.shape.dim
        assert [dim.dim_value for dim in dims] == [4, 8]


def test_run_pass_takes_a_folder_and_writes_one_file(olivine, folder):
    done = olivine("run-pass", "--pass-name", "OnnxFloatToFloat16", "-m", ".", "-o", "x/fp16.onnx", "--verify", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (folder / "x").iterdir()] == ["fp16.onnx"]


@pytest.mark.parametrize(
    "arguments, text",
    [
        ([], "no pass is given; name one with --pass-name; olivine passes lists them"),
        (["--pass-name", "OnnxFloatToFloat61"], "--pass-name: there is no pass 'OnnxFloatToFloat61'; did you mean OnnxFloatToFloat16?"),
        (["--pass-name", "OnnxFloatToFloat16"], "no model is given; name one with -m"),
        (["--pass-name", "OnnxFloatToFloat16", "-m", "model.onnx", "--keep-io-type"], "olivine run-pass has no flag --keep-io-type; did you mean --keep-io-types?"),
        (["--pass-name", "OnnxFloatToFloat16", "-m", "model.onnx", "--max-finite-val", "big"], "OnnxFloatToFloat16 --max-finite-val: expected a number, found \"big\""),
        (["--pass-name", "OnnxFloatToFloat16", "-m", "model.onnx", "--pass-config", "{\"keep_io_type\": 1}"], "--pass-config:1 /keep_io_type: unknown option; did you mean keep_io_types?"),
        (["--pass-name", "OnnxFloatToFloat16", "-m", "model.onnx", "--pass-config", "[]"], "--pass-config:1: expected an object, found a list"),
        (["--pass-name", "OnnxFloatToFloat16", "-m", "model.onnx", "--op-block-list", "A", "--op-include-list", "B"], "OnnxFloatToFloat16: op_block_list and op_include_list exclude each other; give one of them"),
    ],
)
def test_run_pass_refuses(olivine, folder, arguments, text):
    done = olivine("run-pass", *arguments, cwd=folder)
    assert (done.returncode, done.stderr) == (2, f"error[config]: {text}\n")


def test_flags_that_are_no_text(olivine, folder):
    done = olivine("run-pass", "--pass-name", "OnnxFloatToFloat16", "-m", "model.onnx", "--op-block-list", "\udcff", cwd=folder)
    assert (done.returncode, done.stderr) == (2, "error[config]: --op-block-list: the value is not UTF-8\n")


# What is wrong, and where


def test_a_typo_is_shown_with_its_line(olivine, folder):
    (folder / "flow.json").write_text('{\n  "input_model": "model.onnx",\n  "passes": {\n    "fp16": {"type": "OnnxFloatToFloat16",\n      "keep_io_type": true}}}')
    done = olivine("run", "flow.json", cwd=folder)
    assert (done.returncode, done.stderr) == (2, "error[config]: flow.json:5 /passes/fp16/keep_io_type: unknown option; did you mean keep_io_types?\n")


def test_a_syntax_error_is_pointed_at(olivine, folder):
    (folder / "flow.json").write_text('{\n  "passes": {},\n}')
    done = olivine("run", "flow.json", cwd=folder)
    assert done.returncode == 2
    assert done.stderr == "error[config]: flow.json:2:15: a comma before the closing '}': drop it\n  2 |   \"passes\": {},\n    |               ^\n"


@pytest.mark.parametrize(
    "arguments, code, text",
    [
        (["valdate"], 2, "there is no command 'valdate'; did you mean validate?"),
        (["frobnicate"], 2, "there is no command 'frobnicate'; the commands are run, run-pass, capture-onnx-graph, convert, validate,"),
        (["run"], 2, "no workflow file is given"),
        (["run", "flow.json", "extra"], 2, "olivine run takes no argument 'extra'"),
        (["run", "--confg", "flow.json"], 2, "olivine run has no flag --confg; did you mean --config?"),
        (["run", "flow.json", "--threads", "many"], 2, "--threads"),
        (["run", "flow.yaml"], 2, "flow.yaml: workflows in YAML are not read; write it as JSON"),
        (["run", "missing.json"], 5, "missing.json"),
        (["inspect", "missing.onnx"], 5, "there is no 'missing.onnx'"),
        (["inspect"], 2, "no model is given"),
        (["compare", "model.onnx"], 2, "two models are needed"),
        (["passes", "Nothing"], 2, "there is no pass 'Nothing'"),
        (["completion", "tcsh"], 2, "there is no completion for 'tcsh'; the shells are bash, zsh and fish"),
    ],
)
def test_errors_and_their_codes(olivine, folder, arguments, code, text):
    done = olivine(*arguments, cwd=folder)
    assert done.returncode == code
    assert text in done.stderr and done.stderr.startswith("error[") and done.stdout == ""


def test_a_model_that_is_none(olivine, folder):
    (folder / "model.onnx").write_bytes(b"\x00\x01 not a model")
    write_flow(folder)
    done = olivine("run", "flow.json", cwd=folder)
    assert done.returncode == 3
    assert done.stderr.startswith("error[conversion]: ") and "model.onnx" in done.stderr
    assert not (folder / "out").exists()


def test_without_arguments_the_help_is_shown(olivine):
    done = olivine()
    assert done.returncode == 2 and "Commands:" in done.stderr


def test_help_has_several_ways(olivine):
    assert olivine("--help").stdout == olivine("help").stdout
    assert olivine("run", "--help").stdout == olivine("help", "run").stdout == olivine("run", "-h").stdout
    assert "--keep-io-types" in olivine("run-pass", "--pass-name", "OnnxFloatToFloat16", "--help").stdout


# Looking without converting


def test_validate(olivine, folder):
    write_flow(folder, passes=FP16, verify=True)
    done = olivine("validate", "flow.json", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "flow.json is valid\n"), done.stderr
    assert not (folder / "out").exists()
    (folder / "out").write_text("a file")
    assert olivine("validate", "flow.json", cwd=folder).returncode == 5
    write_flow(folder, passes={"a": {"type": "OnnxFloatToFloat16", "nonsense": 1}})
    assert olivine("validate", "flow.json", cwd=folder).returncode == 2


def test_inspect(olivine, folder):
    done = olivine("inspect", "model.onnx", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["inputs"] == [{"name": "x", "type": "float[batch,8]"}]
    assert summary["symbols"]["batch"]["places"] == ["input x, axis 0", "output y, axis 0"]
    assert summary["symbols"]["batch"]["inner_values"] == 2
    assert summary["operators"] == {"MatMul": 1, "Mul": 1, "Relu": 1}
    assert summary["weights"] == {"float": {"tensors": 2, "elements": 65, "bytes": 260}}
    assert summary["largest_tensors"][0] == {"name": "w", "dtype": "float", "dims": [8, 8], "bytes": 256}
    text = olivine("inspect", "model.onnx", "--largest", "1", cwd=folder).stdout
    assert "float[batch,8]" in text and "largest tensors\n  w  float[8,8]  256 bytes\n" in text


def test_compare(olivine, folder):
    onnx.save(make_model(scale=2.0), folder / "other.onnx")
    same = olivine("compare", "model.onnx", "model.onnx", "--dim", "batch=2", cwd=folder)
    assert same.returncode == 0, same.stderr
    assert "passed" in same.stdout
    differs = olivine("compare", "model.onnx", "other.onnx", "--dim", "batch=2", "--bisect", "--runs", "2", cwd=folder)
    assert differs.returncode == 4
    assert "DIFFERS" in differs.stdout and "the models part at" in differs.stdout and "scaling" in differs.stdout
    result = json.loads(olivine("compare", "model.onnx", "other.onnx", "--json", "--quiet", cwd=folder).stdout)
    assert result["passed"] is False and result["outputs"][0]["mismatches"] > 0
    assert "divergence" not in result


def test_compare_checks_its_flags(olivine, folder):
    done = olivine("compare", "model.onnx", "model.onnx", "--runs", "0", cwd=folder)
    assert (done.returncode, done.stderr) == (2, "error[config]: --runs: 0 is below 1\n")
    done = olivine("compare", "model.onnx", "model.onnx", "--dim", "batch=many", cwd=folder)
    assert (done.returncode, done.stderr) == (2, "error[config]: --dims: 'batch': expected an integer, found \"many\"\n")


def test_passes(olivine):
    assert "OnnxFloatToFloat16" in olivine("passes").stdout
    text = olivine("passes", "onnxfloattofloat16").stdout
    assert "keep_io_types" in text and "save_as_external_data" in text
    names = [entry["name"] for entry in json.loads(olivine("passes", "--json").stdout)]
    assert names == [line.split()[0] for line in olivine("passes").stdout.splitlines()]


def test_schema_is_json(olivine):
    schema = json.loads(olivine("schema").stdout)
    assert schema["definitions"]["OnnxFloatToFloat16"]["additionalProperties"] is False


def test_version_is_quick(olivine):
    assert olivine("version").stdout == olivine("--version").stdout
    times = []
    for _ in range(5):
        start = time.perf_counter()
        assert olivine("version").stdout.startswith("olivine 0.")
        times.append(time.perf_counter() - start)
    assert min(times) < 0.1


# Completion


def test_bash_completion(olivine, tmp_path):
    (tmp_path / "olivine.bash").write_text(olivine("completion", "bash").stdout)

    def complete(*words):
        script = f'source olivine.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _olivine; printf "%s\\n" "${{COMPREPLY[@]}}"'
        done = subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    assert complete("olivine", "run") == ["run", "run-pass"]
    assert "--keep-io-types" in complete("olivine", "run-pass", "--keep")
    assert complete("olivine", "run", "flow.json", "--dry") == ["--dry-run"]
    assert "OnnxFloatToFloat16" in complete("olivine", "run-pass", "--pass-name", "Onnx")
    assert complete("olivine", "passes", "OnnxF") == ["OnnxFloatToFloat16"]
    assert complete("olivine", "completion", "f") == ["fish"]
    assert complete("olivine", "compare", "--graph-optimization", "ex") == ["extended"]
    (tmp_path / "flow.json").touch()
    assert complete("olivine", "run", "fl") == ["flow.json"]


@pytest.mark.parametrize("shell, start", [("zsh", "#compdef olivine\n"), ("fish", "# fish completion")])
def test_other_completions(olivine, shell, start):
    script = olivine("completion", shell).stdout
    assert script.startswith(start)
    assert "keep-io-types" in script and "run-pass" in script


# Interruption


def test_ctrl_c_ends_with_one_line(olivine, folder):
    onnx.save(make_model(size=512), folder / "model.onnx")
    write_flow(folder, passes=FP16, verify={"runs": 1000, "dims": {"batch": 64}, "atol": 100})
    binary = olivine("version").args[0]
    process = subprocess.Popen([binary, "run", "flow.json"], cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    time.sleep(0.5)
    assert process.poll() is None, "the work is too short to be interrupted"
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert stderr.splitlines()[-1].startswith("error[interrupted]: ")
    assert not (folder / "out").exists()
