"""Learning: balancing, the network, training and scoring; the only way to TensorFlow."""
