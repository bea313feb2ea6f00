"""Where a matter belongs and why: the decision chain. Pure: no input or output, no clock."""
