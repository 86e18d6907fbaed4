"""Sources: from what the user names to packets of one video stream."""

from pipeline.source.info import SourceInfo
from pipeline.source.names import check_name, expand, stream_name
from pipeline.source.open import Source, open_source
from pipeline.source.settings import SourceSettings

__all__ = ["Source", "SourceInfo", "SourceSettings", "check_name", "expand", "open_source", "stream_name"]
