"""Side-by-side measurements: longtake beside what one would write instead. `python -m bench`, see docs/bench.md."""
