"""The pure library: from a video's bytes to its action timeline, without Ray and without a server."""
