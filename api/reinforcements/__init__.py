"""Seats from elsewhere (异地座席支援): what is proposed, which seats may help, approval and withdrawal."""
