"""Real people's motion capture, read into ``Motion``: each set's names turned into key points."""
