"""What every training record says."""

import subprocess
from pathlib import Path


def commit() -> str:
    """The revision this code is at, or `unknown` outside a repository."""
    answer = subprocess.run(["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True)
    return answer.stdout.strip() if answer.returncode == 0 else "unknown"
