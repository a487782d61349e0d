"""From the detector's map of probabilities to boxes round lines of text, and how well two sets of them agree."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

THRESHOLD = 0.3  # a pixel is text
SCORE = 0.6  # the mean probability of a line
GROW = 1.6  # the detector was trained on shrunken lines: grow by area / perimeter times this
SMALLEST = 3  # pixels


@dataclass
class Box:
    corners: np.ndarray  # [4, 2], x and y
    score: float


def components(mask):
    """The pixels of each 4-connected region, as [n, 2] arrays of row and column: runs of a row, joined across rows."""
    parent = []

    def find(label):
        while parent[label] != label:
            parent[label] = parent[parent[label]]
            label = parent[label]
        return label

    runs, above = [], []  # a run is (row, begin, end, label)
    for row, line in enumerate(mask):
        edges = np.flatnonzero(np.diff(np.concatenate(([0], line.astype(np.int8), [0]))))
        current = []
        for begin, end in edges.reshape(-1, 2):
            parent.append(len(parent))
            label = len(parent) - 1
            for _, other_begin, other_end, other in above:
                if other_begin < end and begin < other_end:
                    parent[find(label)] = find(other)
            current.append((row, begin, end, label))
        runs += current
        above = current
    regions = {}
    for row, begin, end, label in runs:
        columns = np.arange(begin, end)
        regions.setdefault(find(label), []).append(np.stack((np.full_like(columns, row), columns), axis=1))
    return [np.concatenate(parts) for parts in regions.values()]


def smallest_rectangle(points):
    """Centre, unit axes [2, 2] and extents of the rectangle of least area round `points`, to half a degree."""
    best = None
    for angle in np.radians(np.arange(-45, 45, 0.5)):
        axes = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        projected = points @ axes.T
        low, high = projected.min(axis=0) - 0.5, projected.max(axis=0) + 0.5
        extent = high - low
        if best is None or extent.prod() < best[2].prod():
            best = ((low + high) / 2 @ axes, axes, extent)
    return best


def find_boxes(probabilities):
    """Boxes, from the top down, in a [height, width] map."""
    boxes = []
    for region in components(probabilities > THRESHOLD):
        score = float(probabilities[region[:, 0], region[:, 1]].mean())
        centre, axes, extent = smallest_rectangle(region[:, ::-1].astype(np.float64))
        if score < SCORE or extent.min() < SMALLEST:
            continue
        grown = extent + 2 * GROW * extent.prod() / (2 * extent.sum())
        signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
        boxes.append(Box(centre + (signs * grown / 2) @ axes, score))
    return sorted(boxes, key=lambda box: tuple(box.corners.mean(axis=0)[::-1]))


def filled(box, size):
    picture = Image.new("1", size)
    ImageDraw.Draw(picture).polygon([tuple(corner) for corner in box.corners], fill=1)
    return np.asarray(picture)


def match(first, second, size):
    """For each box of `first` the best intersection over union with one of `second`; 0 where there is none."""
    others = [filled(box, size) for box in second]
    result = []
    for box in first:
        area = filled(box, size)
        result.append(max((float((area & other).sum() / (area | other).sum()) for other in others), default=0.0))
    return result
