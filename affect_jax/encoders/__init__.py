"""Pretrained encoders of sound, images and words, from the files in which their authors publish the weights."""
