"""What a Keras model is made of, told by its configuration and classes: the same whichever format holds its weights."""
