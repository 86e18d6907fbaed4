"""What each number in a network's maps depends on: which positions of the input, along time, height and width.

A map's dimensions are followed through every operation, views included, so frames that lie in the batch of a 2D
convolution, shifts in time and patches are all told apart from channels. Receptive fields are the theoretical ones of
convolution arithmetic (A. Araujo, W. Norris, J. Sim: Computing Receptive Fields of Convolutional Neural Networks,
Distill, 2019): padding belongs to them, and where paths meet, the largest counts.
"""
