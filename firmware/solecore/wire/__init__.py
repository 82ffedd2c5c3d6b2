"""The wire, defined once: messages as data, their framing on byte streams and over BLE."""
