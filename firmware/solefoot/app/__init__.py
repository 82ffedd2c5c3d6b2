"""The application: sampling path, outbox, commands. Free of hardware."""
