"""From scores to segments: smoothing, hysteresis, minimum length, gap merge; the state is a value."""
