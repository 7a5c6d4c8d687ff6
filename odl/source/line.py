"""Bytes from a serial line, read by a thread, whatever happens to the plug."""
