"""Image tagging by a conditional GAN of word vectors: words, features, data and the protocol."""
