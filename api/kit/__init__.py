"""What every feature of the HTTP service is built from: errors, paging, transactions, limits."""
