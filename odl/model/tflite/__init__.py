"""int8 networks in TensorFlow Lite's file format, as model images."""
