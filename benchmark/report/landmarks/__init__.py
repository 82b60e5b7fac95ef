"""Tables and pictures of landmark tasks, which no leaderboard of segmentation counts."""
