"""Developer and maker commands; start, check, runtime and environment need only Python itself."""
