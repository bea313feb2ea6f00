"""What happens to a matter: cases, tickets 工单, police orders 警单, handoffs 流转, consultations 会商."""
