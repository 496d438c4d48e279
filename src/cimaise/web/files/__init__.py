"""What has been published, over HTTP."""
