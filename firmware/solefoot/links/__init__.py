"""How messages leave the foot; each link takes whole messages and gives whole messages."""
