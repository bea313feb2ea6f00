"""Seats: what each is doing, who sits there, how long the queues are; setting a seat's status."""
