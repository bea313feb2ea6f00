"""The interface for systems of other makers 对接: messages in, messages out, how a case stands."""
