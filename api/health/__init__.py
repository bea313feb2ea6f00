"""Whether the service works: probes and figures."""
