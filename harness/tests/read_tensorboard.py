"""Reads event files back with the real tensorboard package: python read_tensorboard.py FOLDER

Prints one JSON object: run (folder below FOLDER) -> tag -> list of [wall_time, step, value], in the order of the file.
The package checks the checksums of every record and stops at the first bad one.
"""

import json
import os
import sys

from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator


def read(folder):
    # 0: keep every event instead of a sample.
    events = EventAccumulator(folder, size_guidance={SCALARS: 0})
    events.Reload()
    tags = sorted(events.Tags()[SCALARS])
    return {tag: [[s.wall_time, s.step, s.value] for s in events.Scalars(tag)] for tag in tags}


def main(root):
    runs = {}
    for folder, _, files in sorted(os.walk(root)):
        if any(".tfevents." in name for name in files):
            runs[os.path.relpath(folder, root)] = read(folder)
    json.dump(runs, sys.stdout)


main(sys.argv[1])
