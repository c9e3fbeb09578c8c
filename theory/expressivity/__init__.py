"""What softmax-prompt-attention can tell apart that self-attention, linear attention and pooling cannot."""
