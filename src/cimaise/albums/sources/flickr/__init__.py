"""Albums from Flickr: photosets of one account, through its public API."""
