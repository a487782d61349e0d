"""Wall time, processor time and peak memory of whole processes."""

import os
import shutil
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Job:
    name: str
    command: list
    output: Path  # what the command makes; removed before each run
    cwd: Path | None = None


@dataclass
class Result:
    name: str
    wall: float = 0.0  # seconds, the median
    cpu: float = 0.0  # seconds, the median
    rss: int = 0  # bytes, the largest
    runs: int = 0
    spread: tuple = (0.0, 0.0)  # the least and the largest wall time
    written: int = 0  # bytes of what it made
    failure: str = ""


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def size(path):
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def run_once(job):
    """(wall seconds, processor seconds, failure or "")"""
    remove(job.output)
    os.sync()  # what an earlier run left to be written is not this one's burden
    began = time.perf_counter()
    process = subprocess.Popen(job.command, cwd=job.cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    failure = said.decode(errors="replace").strip() if process.returncode != 0 else ""
    return wall, usage.ru_utime + usage.ru_stime, failure or ("failed" if process.returncode else "")


def peak_memory(job, scratch):
    """Bytes. The figure comes through GNU time: the kernel counts what was before exec too, and that is small there."""
    remove(job.output)
    figures = scratch / "rss"
    subprocess.run(
        ["/usr/bin/time", "-f", "%M", "-o", str(figures), *job.command], cwd=job.cwd, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
    )
    return int(figures.read_text().split()[-1]) * 1024


def measure(jobs, runs, scratch):
    """Results in the jobs' order. The jobs take turns, so that all of them see the same machine; the first round warms up."""
    walls, cpus, failures = ({job.name: [] for job in jobs} for _ in range(3))
    for turn in range(runs + 1):
        for job in jobs:
            if failures[job.name]:
                continue
            wall, cpu, failure = run_once(job)
            if failure:
                failures[job.name].append(failure)
            elif turn > 0:
                walls[job.name].append(wall)
                cpus[job.name].append(cpu)
    results = []
    for job in jobs:
        if failures[job.name]:
            results.append(Result(job.name, failure=failures[job.name][0]))
        else:
            wall, cpu = walls[job.name], cpus[job.name]
            rss = peak_memory(job, scratch)
            spread = min(wall), max(wall)
            results.append(Result(job.name, statistics.median(wall), statistics.median(cpu), rss, len(wall), spread, size(job.output)))
        remove(job.output)
    return results
