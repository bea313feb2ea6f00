"""Emergency resources (应急资源): what there is, where, and what is nearest."""
