"""What stands in the way of a refused sample, by operator."""

import re
from collections import defaultdict

OPERATOR = r"(?:aten|prims?|higher_order|quantized\w*|torchvision)(?:\.|::)\w[\w.]*\w"


def obstacles(reason):
    """`aten.x.default`, which is not known, or `aten.x.default: why`, or the first line of a message that names none."""
    found = set()
    for line in reason.splitlines():
        explained = re.search(rf"\(({OPERATOR})\)(?: in '[^']*')?: (.+)", line)
        found |= {f"{explained[1]}: {explained[2]}"} if explained else set(re.findall(rf"\b{OPERATOR}", line))
    return sorted(found) or [first_line(reason)]


def first_line(reason):
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    return re.sub(r"^error(\[\w+\])?: (\S+\.pt2:? )?(pass \S+ \(\w+\):? )?", "", lines[0]) if lines else "no reason"


def grouped(results):
    """(obstacle, its results), the most frequent first."""
    groups = defaultdict(list)
    for result in results:
        if result["state"] == "refused":
            for obstacle in obstacles(result["reason"]):
                groups[obstacle].append(result)
    return sorted(groups.items(), key=lambda one: (-len(one[1]), one[0]))
