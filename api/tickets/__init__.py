"""Tickets 工单 and the shares of the agencies that handle them."""
