"""Emergency events over HTTP: registered, told, started by plan, commanded, reported, reviewed."""
