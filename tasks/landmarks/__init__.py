"""One-shot landmarks: a point of one annotated image, found again in others without training.

A method's vectors are compared, never trained: its dense embedding where it has one, the features
of its encoder in any case. Beside them stand two rivals that know no encoder.
"""

#: A method's own dense embedding (``methods.base.DenseEmbedding``), and its encoder's features.
EMBEDDING, FEATURES = "landmark_embedding", "landmark_features"
#: Rivals without an encoder: template matching, and the centre of the image.
TEMPLATE, CENTRE = "landmark_template", "landmark_centre"

#: What cells of this family score, in this order: those of an encoder, then those of none.
ENCODED = (EMBEDDING, FEATURES)
RIVALS = (TEMPLATE, CENTRE)
STAGES = (*ENCODED, *RIVALS)

#: Whose maps of similarity a cell keeps, by the file's stem; and the first support image.
MAPS = {stage: f"similarity_{stage}" for stage in (*ENCODED, TEMPLATE)}
SUPPORT = "support_image"

#: Under which name a cell's facts keep what the table and the figure show besides scores.
FACTS = "landmarks"
