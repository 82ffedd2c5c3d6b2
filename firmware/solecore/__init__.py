"""What insole and host share: wire, codec, gait detector. Integers only, standard struct and binascii."""
