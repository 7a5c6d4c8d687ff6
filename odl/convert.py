"""Recordings to tables and back, and without what is personal."""
