"""Who gives cause for caution: scores that fade, and bans."""
