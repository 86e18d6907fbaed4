"""Questions over the timelines of several streams."""
