"""Who may do what, and which rows and fields each may see: all of it in one place."""
