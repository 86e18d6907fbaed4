"""What the OpenAPI document promises, tried by schemathesis on the real server: no 5xx, nothing it does not tell of."""

import subprocess
import sys
from pathlib import Path

import pytest

from actors.pictures import Picture
from longtake.api.serving import serving
from longtake.api.settings import ApiSettings, Backend
from pipeline.timeline.store import TimelineStore
from tests.api.content import fill

OPTIONS = (
    *("--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--seed", "1", "--no-color"),
    *("--exclude-path", "/api/live"),  # never ends
    *("--exclude-checks", "positive_data_acceptance"),  # what is well-formed may be of a stream that is not there
)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_is_promised_is_kept(tmp_path):
    program = Path(sys.executable).parent / "st"
    with TimelineStore.open(None, tmp_path) as store:
        fill(store)
        backend = Backend(store, ApiSettings(port=0), pictures=lambda _: Picture(b"\xff\xd8\xff", 1.0))
        with serving(backend) as url:
            command = [program, "run", f"{url}/openapi.json", *OPTIONS]
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
