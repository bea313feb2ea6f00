"""Emergency events (突发事件) and what hangs on them: level, mutual notice, callers, tasks, files, reports."""
