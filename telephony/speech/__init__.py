"""What callers hear: prompts as clips, numbers and free text, spoken in Mandarin; music and tones."""
