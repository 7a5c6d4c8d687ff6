"""Serial ports: what is plugged in, and which speak our protocol."""
