"""Messages between systems of different makers (互联互通): the format, its validator, and both ways that they travel."""
