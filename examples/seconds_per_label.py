"""How long did each action last? Watches a video in this process and adds its timeline up.

python examples/seconds_per_label.py holiday.mp4
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path

from pipeline.flow import FlowSettings, Job
from pipeline.inline import InlineEngine
from pipeline.models.card import DEFAULT_MODEL, resolve
from pipeline.timeline.store import TimelineStore

source = sys.argv[1] if len(sys.argv) > 1 else "synthetic://seed=7&duration=10"
with (
    tempfile.TemporaryDirectory() as home,
    TimelineStore.open(None, Path(home)) as store,
    InlineEngine(resolve(DEFAULT_MODEL), store, FlowSettings()) as engine,
):
    (report,) = engine.run([Job("example", source)], watch=lambda progress: None)
    if report.error:
        sys.exit(report.error)
    timeline = store.timeline("example")

seconds: Counter[str] = Counter()
for segment in timeline.segments:
    seconds[segment.label] += (segment.end or timeline.duration) - segment.start
for label, total in seconds.most_common():
    print(f"{label:>10}  {total:6.1f} s")
