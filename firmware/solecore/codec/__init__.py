"""The forms of a pressure frame: sizes, an encoder without allocation, a plain decoder."""
