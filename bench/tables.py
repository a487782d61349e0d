"""The tables of docs/benchmarks.md and README.md, between their markers."""

import re

TITLES = {
    "tiny": "a linear layer",
    "bert-base": "BERT-base, weights inline",
    "large": "an encoder of 1.5 billion weights, external data",
    "nodes-100k": "100,000 nodes",
    "nodes-1m": "1,000,000 nodes",
    "tiny program": "a PyTorch program of one linear layer",
    "bert-base program": "BERT-base as a PyTorch program",
    "large program": "an encoder of 0.6 billion weights as a PyTorch program",
}
PEER_NAMES = {
    "fp16, onnxruntime": "ONNX Runtime's float16 converter",
    "fp16, converter-common": "onnxconverter-common",
    "fp16, olive": "Olive",
}
WORKS = {
    "convert": "to ONNX",
    "torch.onnx": "to ONNX, torch.onnx",
    "pnnx": "to ONNX from TorchScript, pnnx",
    "opset up": "opset 20 to 21",
    "opset down": "opset 20 to 13",
    "opset up, onnx": "opset 20 to 21, onnx's converter",
    "opset up, olive": "opset 20 to 21, Olive",
    "mixed": "mixed precision, chosen by running the model",
    "mixed, converter-common": "mixed precision, onnxconverter-common's search",
    "inference": "one fp32 inference in ONNX Runtime, for comparison",
}


# Seconds and bytes that the conversion of a program was asked to stay within.
PROGRAM_TARGETS = {
    "tiny program": ((0.05, float("inf")), "50 ms"),
    "bert-base program": ((0.5, 256e6), "0.5 s, 256 MB"),
    "large program": ((float("inf"), 256e6), "256 MB"),
}


def seconds(value):
    return f"{value * 1e3:.0f} ms" if value < 1 else f"{value:.2f} s"


def size(value):
    for unit, scale in (("GB", 1e9), ("MB", 1e6)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value} bytes"


def by_name(model):
    return {one["name"]: one for one in model["results"]}


def work_of(name):
    return f"fp16, {PEER_NAMES[name]}" if name in PEER_NAMES else WORKS.get(name, name)


def limit(model, one):
    """Bytes read and written, at the speed at which cp reads and writes."""
    copy = by_name(model)["cp"]
    return (model["bytes"] + one["written"]) / (2 * model["bytes"]) * copy["wall"]


def row(model, one, targets):
    copy = by_name(model)["cp"]["wall"]
    name = one["name"]
    if one["failure"]:
        return [work_of(name), f"failed: {one['failure'].splitlines()[-1][:80]}", "", "", "", "", ""]
    moves = model["bytes"] > 1e8 and name != "inference"
    return [
        work_of(name), seconds(one["wall"]), f"{one['wall'] / copy:.2f}" if moves else "", seconds(one["cpu"]),
        f"{one['rss'] / 1e6:.0f} MB", seconds(limit(model, one)) if moves else "", targets.get(name, ""),
    ]


def verdict(holds, text):
    return f"{text}: {'yes' if holds else '**no**'}"


def targets_of(name, models):
    """What each figure was asked to be, and whether it is."""
    results = {key: one for key, one in by_name(models[name]).items() if not one["failure"]}
    singles = [key for key in ("fp16", "IO types", "fixed shape", "opset up", "opset down") if key in results]
    found = {}
    if name in PROGRAM_TARGETS and "convert" in results:
        (wall, memory), text = PROGRAM_TARGETS[name]
        found["convert"] = verdict(results["convert"]["wall"] <= wall and results["convert"]["rss"] <= memory, text)
    for key in singles:
        one = results[key]
        if name == "tiny":
            found[key] = verdict(one["wall"] <= 0.020 and one["rss"] <= 32e6, "20 ms, 32 MB")
        elif name in ("bert-base", "large"):
            found[key] = verdict(one["wall"] <= 2 * results["cp"]["wall"] and one["rss"] <= 256e6, "2 × cp, 256 MB")
        elif name == "nodes-100k":
            found[key] = verdict(one["wall"] <= 1, "1 s")
        elif "nodes-100k" in models:
            fewer = by_name(models["nodes-100k"]).get(key)
            if fewer and not fewer["failure"]:
                factor = one["wall"] / fewer["wall"]
                found[key] = verdict(factor <= 11, f"11 × the tenth ({factor:.1f} ×)")
    if name == "bert-base" and "mixed" in results and "inference" in results:
        allowed = 10 * results["inference"]["wall"] + results["cp"]["wall"]
        found["mixed"] = verdict(results["mixed"]["wall"] <= allowed, f"10 inferences and cp ({seconds(allowed)})")
    parts = [key for key in ("fp16", "IO types", "fixed shape") if key in results]
    if "chain of three" in results and parts and name in ("bert-base", "large"):
        factor = results["chain of three"]["wall"] / max(results[key]["wall"] for key in parts)
        found["chain of three"] = verdict(factor <= 1.3, f"1.3 × one of them ({factor:.2f} ×)")
    return found


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(cells) + " |" for cells in rows])


def benchmark_tables(results):
    machine = results["machine"]
    parts = [
        f"{machine['olivine']} on {machine['system']}, Linux {machine['kernel']}; {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB. Peers: {', '.join(machine['peers'])}."
    ]
    head = ["work", "wall", "× cp", "processor", "peak memory", "limit", "asked for"]
    for name in TITLES:
        if model := results["models"].get(name):
            targets = targets_of(name, results["models"])
            rows = [row(model, one, targets) for one in model["results"]]
            parts += [f"### {TITLES[name][0].upper()}{TITLES[name][1:]} ({size(model['bytes'])})", table(head, rows)]
    return "\n\n".join(parts)


def readme_table(results):
    rows = []
    for name in ("tiny", "bert-base"):
        if model := results["models"].get(name):
            found = by_name(model)
            for key, tool in (("fp16", "`olivine run`"), *PEER_NAMES.items(), ("cp", "`cp` of the input")):
                one = found.get(key)
                if one and not one["failure"]:
                    rows.append([TITLES[name] + f", {size(model['bytes'])}", tool, seconds(one["wall"]), f"{one['rss'] / 1e6:.0f} MB"])
    fp16 = table(["fp16 of", "with", "wall", "peak memory"], rows)
    rows = []
    for key, tool in (("convert", "`olivine convert`"), ("torch.onnx", "torch.onnx"), ("pnnx", "pnnx, from TorchScript")):
        model = results["models"].get("bert-base program")
        one = by_name(model).get(key) if model else None
        if one and not one["failure"]:
            rows.append([f"BERT-base, {size(model['bytes'])}", tool, seconds(one["wall"]), f"{one['rss'] / 1e6:.0f} MB"])
    return f"{fp16}\n\n{table(['PyTorch to ONNX', 'with', 'wall', 'peak memory'], rows)}" if rows else fp16


def fill(path, text):
    pattern = re.compile(r"(<!-- bench:begin -->\n).*?(<!-- bench:end -->)", re.DOTALL)
    before = path.read_text()
    path.write_text(pattern.sub(lambda found: f"{found[1]}\n{text}\n\n{found[2]}", before))


def fill_documents(root, results):
    fill(root / "docs/benchmarks.md", benchmark_tables(results))
    fill(root / "README.md", readme_table(results))
