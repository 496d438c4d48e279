"""Albums in the forms that other programs read: feeds, IIIF, oEmbed, sitemaps. Pure functions."""
