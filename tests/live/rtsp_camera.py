"""A real RTSP camera for the tests: GStreamer passes a file's H.264 through at real-time pace, never encoding.

Runs under the system's Python, which has GStreamer's bindings: rtsp_camera.py FILE PORT. It prints `ready`.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

Gst.init(None)
path, port = sys.argv[1:3]
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(port)
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(
    f'( filesrc location="{path}" ! qtdemux ! h264parse config-interval=-1 ! rtph264pay name=pay0 pt=96 )'
)
server.get_mount_points().add_factory("/cam", factory)
if not server.attach(None):
    sys.exit(f"port {port} is taken")
print("ready", flush=True)
GLib.MainLoop().run()
