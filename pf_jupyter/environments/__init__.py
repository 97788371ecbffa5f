"""What is inside a runtime: images and the digests that name their content."""
