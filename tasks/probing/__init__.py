"""What frozen features tell of each pixel without a decoder: a linear probe, nearest neighbours.

Nothing of the encoder is trained. Of the training images' pixels a sample is drawn, the same for
every method; scikit-learn fits a classifier to the features there; what is left to choose,
validation images choose. A third answer to which features are best, for seconds in the place of a
fine-tuning.
"""

#: What a cell of this kind scores, in this order.
STAGES = ("probe", "neighbours")
#: Bumped when what a score of these stages means changes.
PROTOCOL = "probe-1"
