"""Measuring retrieval and answers on sets of questions, in the file formats others read too."""
