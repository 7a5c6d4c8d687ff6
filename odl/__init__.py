"""Learning on the device: replay a stream, ask for few labels, learn as it goes."""

__version__ = "0.1.0"
