"""Who works here: agencies, centres, divisions, duty contacts."""
