"""Go on with a recording that was cut short."""
