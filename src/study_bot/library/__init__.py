"""From files to passages: loaders, structure, chunking, catalog."""
