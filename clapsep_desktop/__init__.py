"""CLAPSep Desktop: keep and remove sounds by words or by example, on your own machine."""

__version__ = "0.1.0"
