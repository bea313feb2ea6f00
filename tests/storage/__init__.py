"""Tests of the call records in SQL, and the servers that these and their neighbours use."""
