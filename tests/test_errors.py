"""What a message never holds."""

import pytest

from pipeline.errors import LongtakeError, redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://me:secret@camera/1", "rtsp://***@camera/1"),
        ("http://camera/1?token=secret&w=640", "http://camera/1?token=***&w=640"),
        ("abfs://account/c?tenant_id=t&client_secret=secret", "abfs://account/c?tenant_id=t&client_secret=***"),
        ("s3://bucket/x?secret-key=secret", "s3://bucket/x?secret-key=***"),
        ("http://zoo/1?monkey=7", "http://zoo/1?monkey=7"),
    ],
)
def test_secrets_in_urls_are_not_shown(text, shown):
    assert redact(text) == shown
    assert str(LongtakeError(f"{text} is away")) == f"{shown} is away"
