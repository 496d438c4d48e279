"""Rights in a URL: links, shares, upload tokens."""
