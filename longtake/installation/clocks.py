"""Do two clocks agree?"""

from longtake.installation.finding import Finding, broken, doubtful, fine

_SKEW_S = 1.0
_NTP = "let NTP set every machine's clock (timedatectl set-ntp true; of a container: on its host)"


def agreement(name: str, of: str, skew_s: float, round_s: float, believed_s: float) -> Finding:
    """Judge how far a clock is ahead of this machine's.

    Args:
        of: whose clock it is.
        round_s: how long it took to ask; the skew is known to half of it.
        believed_s: a camera's clock that differs by more is not believed (`flow.live.skew_s`).
    """
    sure_s = max(0.0, abs(skew_s) - round_s / 2)
    side = "ahead of" if skew_s > 0 else "behind"
    found = f"{of} is {words(abs(skew_s))} {side} this machine's"
    if sure_s > believed_s:
        return broken(name, found, f"live timelines would be wrong, cameras' clocks not believed: {_NTP}")
    if sure_s > _SKEW_S:
        return doubtful(name, found, f"times of live streams differ by so much: {_NTP}")
    return fine(name, f"{of} agrees with this machine's to {words(max(abs(skew_s), round_s / 2))}")


def words(seconds: float) -> str:
    """A span of time to one figure."""
    if seconds >= 120:
        return f"{seconds / 60:.0f} minutes"
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{1000 * seconds:.0f} ms" if seconds >= 0.001 else "less than 1 ms"
