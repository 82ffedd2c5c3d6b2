"""Data to learn from: virtual people, a laboratory's recordings, public sets; and how to split."""
