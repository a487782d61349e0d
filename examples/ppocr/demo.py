#!/usr/bin/env python3
"""Takes PP-OCR's text detector to fixed shapes and fp16 with Olivine, and shows that it still finds the same text."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort
from boxes import find_boxes, match
from page import HEIGHT, WIDTH, as_input, draw_page, font
from PIL import Image, ImageDraw, ImageFilter

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "demo-output"
DEPS = Path(os.environ.get("OLIVINE_DEPS", ROOT / ".deps"))
OLIVINE = os.environ.get("OLIVINE_BIN", str(ROOT / "build/release/bin/olivine"))

BLUE = (30, 100, 220)
ORANGE = (240, 120, 20)
PANEL = (30, 33, 36)
TEXT = (226, 228, 222)
QUIET = (150, 154, 150)


def detect(model, page):
    """The map of probabilities [height, width], and the seconds that one run takes."""
    session = ort.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    session.run(None, {name: page})
    began = time.perf_counter()
    (result,) = session.run(None, {name: page})
    return result[0, 0], time.perf_counter() - began


def convert():
    """Runs the workflow; returns the seconds it took, ONNX Runtime's proof included."""
    command = [OLIVINE, "run", "--config", "examples/ppocr/workflow.json"]
    # The proof is made by the very ONNX Runtime that this Python has.
    environment = {"OLIVINE_PYTHON": sys.executable, **os.environ}
    began = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}\n{done.stderr}")
    return time.perf_counter() - began


def polyline(draw, corners, color, width, dash=None):
    """A closed outline; with `dash` (on, off) in pixels."""
    corners = [np.asarray(corner) for corner in corners]
    for begin, end in zip(corners, corners[1:] + corners[:1]):
        length = float(np.hypot(*(end - begin)))
        step = sum(dash) if dash else length
        on = dash[0] if dash else length
        for at in np.arange(0, length, step):
            a, b = (begin + (end - begin) * min(distance, length) / length for distance in (at, at + on))
            draw.line((*a, *b), fill=color, width=width)


def heat(values):
    """A [height, width] map in [0, 1] as a picture from black over green to pale yellow."""
    stops = np.array([[12, 14, 16], [40, 84, 40], [134, 170, 50], [255, 248, 190]], np.float32)
    at = np.clip(values, 0, 1) * (len(stops) - 1)
    low = np.minimum(at.astype(int), len(stops) - 2)
    part = (at - low)[..., None]
    return Image.fromarray((stops[low] * (1 - part) + stops[low + 1] * part).astype(np.uint8))


def draw_overview(page, maps, found, lines):
    """The page with both sets of boxes; beside it the maps, where they differ, and the figures."""
    margin, thumb_width = 24, 288
    thumb_height = thumb_width * HEIGHT // WIDTH
    caption = font("DejaVuSans", 15)
    picture = Image.new("RGB", (WIDTH + thumb_width + 3 * margin, HEIGHT + 2 * margin + 84), PANEL)
    draw = ImageDraw.Draw(picture)

    shown = page.copy()
    over = ImageDraw.Draw(shown)
    for box in found[0]:
        polyline(over, box.corners, BLUE, 4)
    for box in found[1]:
        polyline(over, box.corners, ORANGE, 2, dash=(9, 7))
    picture.paste(shown, (margin, margin))

    left = WIDTH + 2 * margin
    difference = np.abs(maps[0] - maps[1])
    scale = 10 ** np.floor(-np.log10(max(difference.max(), 1e-9)))
    titles = ["fp32: probability of text", "fp16: probability of text", f"difference × {scale:.0f}"]
    # The largest neighbour stands for a pixel, so that thin edges survive the reduction.
    spread = Image.fromarray(np.uint8(np.clip(difference * scale, 0, 1) * 255)).filter(ImageFilter.MaxFilter(5))
    for number, (title, values) in enumerate(zip(titles, [*maps, np.asarray(spread) / 255])):
        top = margin + number * (HEIGHT - thumb_height - 22) // 2
        draw.text((left, top), title, font=caption, fill=TEXT)
        picture.paste(heat(values).resize((thumb_width, thumb_height), Image.Resampling.LANCZOS), (left, top + 22))

    top = HEIGHT + margin + 14
    polyline(draw, [(margin, top), (margin + 34, top), (margin + 34, top + 20), (margin, top + 20)], BLUE, 4)
    draw.text((margin + 46, top + 1), f"fp32, any shape: {len(found[0])} boxes", font=caption, fill=TEXT)
    top += 34
    polyline(draw, [(margin, top), (margin + 34, top), (margin + 34, top + 20), (margin, top + 20)], ORANGE, 2, dash=(9, 7))
    draw.text((margin + 46, top + 1), f"fp16, 1 × 3 × {HEIGHT} × {WIDTH}: {len(found[1])} boxes", font=caption, fill=TEXT)
    for number, line in enumerate(lines):
        draw.text((margin + 380, HEIGHT + margin + 15 + 34 * number), line, font=caption, fill=QUIET)
    return picture


def main():
    OUTPUT.mkdir(exist_ok=True)
    shutil.copyfile(DEPS / "models/ppocr/ch_PP-OCRv4_det_infer.onnx", OUTPUT / "detection.onnx")
    page = draw_page()
    page.save(OUTPUT / "page.png")
    values = as_input(page)
    np.save(OUTPUT / "page.npy", values)

    seconds = convert()
    before, after = OUTPUT / "detection.onnx", OUTPUT / "model/model.onnx"
    maps, times = zip(*(detect(model, values) for model in (before, after)))
    found = [find_boxes(one) for one in maps]
    overlaps = match(*found, page.size)
    error = float(np.abs(maps[0] - maps[1]).max())

    sizes = [path.stat().st_size / 1e6 for path in (before, after)]
    lines = [
        f"{sizes[0]:.2f} MB → {sizes[1]:.2f} MB, converted and proven in {seconds:.2f} s",
        f"largest error of a probability {error:.4f}, boxes overlap by {100 * min(overlaps, default=0):.1f} % or more",
    ]
    draw_overview(page, maps, found, lines).save(OUTPUT / "boxes.png")

    report = json.loads((OUTPUT / "model/run.json").read_text())
    print("PP-OCR text detection: dynamic fp32 → fixed shape → fp16, verified with ONNX Runtime")
    print(f"  converted      {seconds:.2f} s in all, {len(report.get('passes', []))} passes")
    print(f"  size           {sizes[0]:.2f} MB → {sizes[1]:.2f} MB")
    print(f"  largest error  {error:.4f} of a probability")
    print(f"  text boxes     {len(found[0])} before, {len(found[1])} after, overlap {min(overlaps, default=0):.3f} or more")
    print(f"  one run here   {times[0] * 1e3:.0f} ms before, {times[1] * 1e3:.0f} ms after (this processor computes fp16 as fp32)")
    print(f"  to look at     {(OUTPUT / 'boxes.png').relative_to(ROOT)}")
    if len(found[0]) != len(found[1]) or min(overlaps, default=0) < 0.9:
        sys.exit("the two models do not find the same text")


if __name__ == "__main__":
    main()
