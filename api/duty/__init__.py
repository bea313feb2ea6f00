"""Who is on duty: posts, rosters, what is wrong with them, test calls."""
