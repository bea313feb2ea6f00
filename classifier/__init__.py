"""Chinese text to route, item, urgency and evidence. Knows words, not tickets."""
