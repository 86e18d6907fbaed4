"""Starting the command line: what is loaded, what is there, and what Ctrl-C does meanwhile."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from longtake.cli import COMMANDS, app

HEAVY = {"torch", "ray", "av", "numpy", "redis", "pyarrow"}

LOADED = f"""
import sys
from longtake.cli import app
app(["--version"], standalone_mode=False)
sys.exit(", ".join({HEAVY} & set(sys.modules)) or 0)
"""

INTERRUPTED = """
import runpy, sys

class Interrupts:
    def find_spec(self, name, *_):
        if name == {module!r}:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupts())
sys.argv = ["longtake", "timeline", "cam"]
runpy.run_module("longtake", run_name="__main__")
"""


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_asking_for_the_version_loads_no_command():
    done = python(LOADED)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("module", ["longtake.cli", "longtake.query", "redis"])
def test_ctrl_c_while_modules_are_loading_is_silent(module):
    done = python(INTERRUPTED.format(module=module))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_there_and_tells_what_it_does(command):
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0 and "Usage" in result.stdout


def test_a_mistyped_command_is_told_what_is_near():
    assert "'timeline'" in CliRunner().invoke(app, ["timelin"]).output
