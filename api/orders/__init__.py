"""Police orders 警单."""
