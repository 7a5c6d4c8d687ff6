"""The live view and its questions, in a terminal."""
