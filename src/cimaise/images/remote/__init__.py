"""Pictures of other servers, fetched without going where nobody may."""
