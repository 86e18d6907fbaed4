"""A real RTSP camera with a test pattern, run by the system's Python: pattern_camera.py PORT WIDTH HEIGHT [RATE STAMP].

It sends RTCP sender reports, so it tells its clock; its RTP time stamps begin at STAMP. It prints `ready`.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

Gst.init(None)
port, width, height = sys.argv[1:4]
rate, stamp = sys.argv[4:6] or ("10", "0")
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(port)
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(
    f"( videotestsrc is-live=true ! video/x-raw,width={width},height={height},framerate={rate}/1 "
    f"! x264enc tune=zerolatency speed-preset=ultrafast key-int-max={rate} "
    f"! rtph264pay name=pay0 pt=96 timestamp-offset={stamp} )"
)
factory.set_shared(True)
server.get_mount_points().add_factory("/cam", factory)
if not server.attach(None):
    sys.exit(f"port {port} is taken")
print("ready", flush=True)
GLib.MainLoop().run()
