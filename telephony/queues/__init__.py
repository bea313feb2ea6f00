"""Seats and waiting calls in Redis: reservation, order, overflow, all atomic.

:class:`telephony.queues.board.Board` is the way in; what it takes and returns is in :mod:`telephony.queues.records`.
"""
