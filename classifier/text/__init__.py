"""Chinese text made comparable: normal form, words, numbers. Pure."""
