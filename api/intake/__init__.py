"""The inbound endpoint of text channels (网页、客户端、短信、信件)."""
