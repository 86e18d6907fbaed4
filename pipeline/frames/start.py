"""Starting a process that decodes."""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pipeline
from pipeline.errors import SourceError
from pipeline.frames.wire import Wire

COMMAND = (sys.executable, "-P", "-s", "-m", "pipeline.frames.child")
NEEDED = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "http_proxy", "no_proxy")


def started(command: Sequence[str]) -> tuple[Wire, "subprocess.Popen[bytes]"]:
    """Start a child; neither its arguments nor its environment hold anything about the source."""
    ours, its = socket.socketpair()
    paths = [str(Path(pipeline.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {name: os.environ[name] for name in NEEDED if name in os.environ}
    # one thread, few heaps: what numpy and the allocator reserve would count as taken
    environment |= {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "OPENBLAS_NUM_THREADS": "1"}
    environment |= {"MALLOC_ARENA_MAX": "2"}
    try:
        process = subprocess.Popen(
            [*command, str(its.fileno()), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # a library's complaint may hold the URI with its password
            pass_fds=(its.fileno(),),
            env=environment,
            start_new_session=True,  # Ctrl-C is for the reader, which then ends this one in order
        )
    except OSError as error:
        ours.close()
        raise SourceError(f"no process to decode in could be started: {error.strerror}") from error
    finally:
        its.close()
    return Wire(ours), process
