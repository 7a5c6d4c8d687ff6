"""Bytes to messages and messages to bytes, both ways, without any I/O."""
