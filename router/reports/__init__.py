"""Written reports (报告): what one says as plain data, and how it becomes a page to print or a document to edit. Pure."""
