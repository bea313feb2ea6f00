"""Pure state machines: no input or output, no clock; time is passed in."""
