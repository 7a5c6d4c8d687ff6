"""How a device's clock runs against the host's."""
