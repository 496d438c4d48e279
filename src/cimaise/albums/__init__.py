"""What is looked at together: folders of pictures, collections, photosets of others."""
