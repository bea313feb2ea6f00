"""Emergency resources: what there is, who looks after it, what is near."""
