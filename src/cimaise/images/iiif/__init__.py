"""The IIIF Image API, versions 3.0 and 2.1.1: pure parsing, arithmetic and description.

What is asked for becomes the same parameters that every other picture is asked for with.
"""
