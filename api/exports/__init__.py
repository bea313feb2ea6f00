"""Exports of lists as CSV and XLSX: the filters of the lists, the columns of the form, masked by role, journalled."""
