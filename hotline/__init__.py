"""Process life: the command line, the supervisor of one machine, the doctor."""
