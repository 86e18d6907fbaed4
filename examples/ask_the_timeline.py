"""What happened on all streams? Asks the timelines there are: in SQL, and the last hour of each stream.

python examples/ask_the_timeline.py
"""

import longtake

SUMS = """
    select stream, label, count(*) as times, coalesce(sum(seconds), 0) as seconds
    from segments group by all order by stream, seconds desc
"""

with longtake.open() as store:
    for row in store.sql(SUMS).to_pylist():
        print(f"{row['stream']:>10}  {row['label']:>10}  {row['times']:4} times  {row['seconds']:8.1f} s")
    for stream in store.streams():
        for one in store.timeline(stream.name, after=stream.until_s - 3600):
            what = one.label if isinstance(one, longtake.Segment) else f"gap: {one.reason}"
            print(f"{stream.name:>10}  {one.start:12.1f} … {'still' if one.end is None else f'{one.end:.1f}'}  {what}")
