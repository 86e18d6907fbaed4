"""What a lane was given, kept so that its timeline can be made again."""
