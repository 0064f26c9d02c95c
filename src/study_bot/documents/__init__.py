"""The library as admins manage it: files given, corrected, published, replaced, retired; builds of the index."""
