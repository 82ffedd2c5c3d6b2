"""What insole and host share: wire, codec, gait detector. Integers only."""
