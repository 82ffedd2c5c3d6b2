"""What the foot senses with; hardware is handed in, never reached for."""
