"""Live sessions with boards and sketches: what is plugged in, through a session, to a recording."""
