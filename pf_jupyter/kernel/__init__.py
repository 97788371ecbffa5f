"""The notebook's face: magics, completion and the live graph."""
