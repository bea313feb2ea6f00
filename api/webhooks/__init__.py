"""Webhooks 订阅: where events are sent, and what became of them."""
