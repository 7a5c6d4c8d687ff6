"""A board as a source of inputs."""
