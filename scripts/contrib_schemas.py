#!/usr/bin/env python3
"""Writes what ONNX Runtime says of its own operators: src/onnx/contrib/schemas.inc and the answers in cases.inc.

The facts come from the installed onnxruntime: names, types, arities, attributes. Doc strings are not taken. A line of
cases.inc is a call and, behind `==>`, the types that ONNX Runtime infers for its outputs; a new case needs the call only.
With --check nothing is written, and the exit code tells whether the files are what this would write.
"""

import argparse
import difflib
import re
import sys
from pathlib import Path

import onnx
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as binding

FOLDER = Path(__file__).resolve().parents[1] / "src/onnx/contrib"
DOMAINS = ("", "com.microsoft")
ATTRIBUTE = onnx.AttributeProto.AttributeType.Name
MANY = 2**31 - 1


def contributed():
    """Schemas that onnx does not have, in the order of the file: whole operators, and versions before onnx's first."""
    known = {}
    for schema in onnx.defs.get_all_schemas_with_history():
        key = (schema.domain, schema.name)
        known[key] = min(schema.since_version, known.get(key, MANY))
    schemas = [s for s in binding.get_all_operator_schema() if s.domain in DOMAINS and s.since_version < known.get((s.domain, s.name), MANY)]
    return sorted(schemas, key=lambda s: (s.domain, s.name, s.since_version))


# ---- Facts


def type_text(name):
    return re.sub(r"tensor\((\w+)\)", r"\1", name)


def parameter_text(parameter, least):
    option = str(parameter.option).split(".")[-1]
    mark = {"Single": "", "Optional": "?", "Variadic": f"*{least}"}[option]
    return f"{parameter.name}:{type_text(parameter.typeStr)}{mark}{'' if parameter.isHomogeneous else '!'}"


def parameters_text(parameters, least):
    return " ".join(parameter_text(p, least - len(parameters) + 1) for p in parameters)


def default_text(serialized):
    if not serialized:
        return ""
    value = onnx.helper.get_attribute_value(onnx.AttributeProto.FromString(serialized))
    if isinstance(value, float):
        # The shortest text that is this float32.
        value = next(text for digits in range(1, 10) if binary32(float(text := f"{value:.{digits}g}")) == binary32(value))
    if isinstance(value, bytes):
        value = value.decode()
    assert isinstance(value, (int, str)) and " " not in str(value), f"no way to write the default {value!r}"
    return f"={value}"


def binary32(value):
    return onnx.helper.make_attribute("x", value).SerializeToString()


def attribute_text(attribute):
    kind = str(attribute.type).split(".")[-1].lower()
    return f"{attribute.name}:{kind}{'!' if attribute.required else ''}{default_text(attribute._default_value)}"


def constraint_text(constraint):
    return f"{constraint.type_param_str}={','.join(map(type_text, constraint.allowed_type_strs))}"


def row_text(schema):
    assert all(c.isidentifier() for p in (*schema.inputs, *schema.outputs) for c in [p.name]), schema.name
    used = {p.typeStr for p in (*schema.inputs, *schema.outputs)}
    lists = [
        parameters_text(schema.inputs, schema.min_input),
        parameters_text(schema.outputs, schema.min_output),
        " ".join(constraint_text(c) for c in schema.type_constraints if c.type_param_str in used),
        " ".join(attribute_text(a) for a in sorted(schema.attributes.values(), key=lambda a: a.name)),
    ]
    head = f'"{schema.domain}", "{schema.name}", {schema.since_version}, {str(schema.deprecated).lower()}'
    return "{" + ",\n ".join([head, *(f'"{text}"' for text in lists)]) + "},"


def facts_text():
    head = (
        f"// Written by scripts/contrib_schemas.py from onnxruntime {onnxruntime.__version__}: do not edit.\n"
        "// Domain, name, since version, deprecated; inputs; outputs; type constraints; attributes. `?` is optional, `*1`\n"
        "// variadic of at least one, `!` heterogeneous of a parameter and required of an attribute.\n"
    )
    return head + "\n".join(map(row_text, contributed())) + "\n"


# ---- Cases


def split_top(text, separator=","):
    """Splits where no bracket is open."""
    parts, depth = [""], 0
    for c in text:
        depth += (c in "[{(<") - (c in "]})>")
        if c == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [part.strip() for part in parts if part.strip()]


class Call:
    """`Op<attributes>(type, type{constant}, _)`, optionally with `@opset` in front and the outputs that are wanted."""

    def __init__(self, text, schemas):
        self.text, _, outputs = map(str.strip, text.partition("==>"))
        match = re.fullmatch(r"(?:@(\d+) )?(\w+)(<.*>)?\((.*)\)", self.text)
        assert match, f"not a call: {text}"
        opset, self.op, self.attributes, arguments = match.groups()
        self.opset = int(opset or 20)
        schema = [s for s in schemas if s.name == self.op][0]
        self.domain = schema.domain
        count = len(schema.outputs)
        self.outputs = split_top(outputs) if outputs and not outputs.startswith("error") else ["?"] * count
        self.arguments = split_top(arguments)

    def model_text(self):
        inputs, constants, names = [], [], []
        for i, argument in enumerate(self.arguments):
            names.append("" if argument == "_" else f"i{i}")
            kind, brace, value = argument.partition("{")
            if brace:
                constants.append(f"{kind} i{i} = {{{value}")
            elif argument != "_":
                inputs.append(f"{argument} i{i}")
        outputs = ["" if output == "_" else f"o{i}" for i, output in enumerate(self.outputs)]
        shown = [output for output in outputs if output]
        results = ", ".join(f"float {o}, int64 rank_{o}" for o in shown)
        ranks = " ".join(f"rank_{o} = Shape({o})" for o in shown)
        domain = f"{self.domain}." if self.domain else ""
        return (
            f'<ir_version: 10, opset_import: ["": {self.opset}, "com.microsoft": 1]> g ({", ".join(inputs)}) => ({results})'
            + (f" <{', '.join(constants)}>" if constants else "")
            + f" {{ {', '.join(outputs)} = {domain}{self.op}{self.attributes or ''}({', '.join(names)}) {ranks} }}"
        )

    def answer(self):
        """The types as ONNX Runtime infers them; its first complaint when it refuses the call."""
        model = onnx.parser.parse_model(self.model_text())
        for value in model.graph.output:
            value.ClearField("type")
        options = binding.SessionOptions()
        options.log_severity_level = 4
        try:
            # Without initialize_session no kernel is looked for.
            session = binding.InferenceSession(options, model.SerializeToString(), False, False)
        except Exception as problem:
            lines = [line for line in str(problem).splitlines() if line.strip()]
            return f"error: {lines[0][:200]}"
        found = {value.name: value for value in session.outputs_meta}
        types = []
        for i, output in enumerate(self.outputs):
            ranked = output != "_" and isinstance(found[f"rank_o{i}"].shape[0], int)
            types.append("_" if output == "_" else value_text(found[f"o{i}"], ranked))
        return ", ".join(types)


def value_text(value, ranked):
    """As onnx's text format has it: `float[2,?]`, `float` for a scalar, `float[]` for an unknown rank."""
    if not ranked:
        return type_text(value.type) + "[]"
    dims = ",".join("?" if dim is None else str(dim) for dim in value.shape)
    return type_text(value.type) + (f"[{dims}]" if dims else "")


def cases_text(old):
    schemas = contributed()
    lines = []
    for line in old.splitlines():
        if "(" not in line or line.startswith(("//", "R\"", ")")):
            lines.append(line)
            continue
        call = Call(line, schemas)
        lines.append(f"{call.text} ==> {call.answer()}")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()
    same = True
    for path, text in [
        (FOLDER / "schemas.inc", facts_text()),
        (FOLDER / "cases.inc", cases_text((FOLDER / "cases.inc").read_text())),
    ]:
        old = path.read_text() if path.exists() else ""
        if old == text:
            continue
        same = False
        if arguments.check:
            sys.stdout.writelines(difflib.unified_diff(old.splitlines(True), text.splitlines(True), f"{path.name} as it is", "as it should be"))
        else:
            path.write_text(text)
    return 0 if same or not arguments.check else 1


if __name__ == "__main__":
    sys.exit(main())
