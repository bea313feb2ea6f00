"""Which systems of other makers there are 对接系统, for administrators."""
