"""Deadlines, reminders, supervision orders 督办 and the lists of smart supervision."""
