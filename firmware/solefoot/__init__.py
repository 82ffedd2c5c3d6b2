"""The firmware of one insole; nothing here knows which board it runs on."""
