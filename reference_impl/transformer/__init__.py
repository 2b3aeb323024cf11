"""The Transformer: attention, a decoder-only language model, and the encoder-decoder that translates."""
