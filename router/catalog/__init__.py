"""事项清单: items, boundaries, deadlines, the working calendar and divisions; versioned."""
