"""What an encoder makes of images without any label: regions, and patches that look alike to it."""
