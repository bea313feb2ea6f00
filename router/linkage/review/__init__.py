"""Review (复盘): the course of an event in sentences and figures, the after-action report, what is to be done better."""
