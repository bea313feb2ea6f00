"""Robot phones on real SIP and ears that tell tones apart: for the demo, the tests and the bench."""
