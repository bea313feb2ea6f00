"""The SIP call core: knows calls, parties, seats and queues; knows nothing of tickets."""
