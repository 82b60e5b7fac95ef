"""What a user would run instead; each module runs on its own too."""
