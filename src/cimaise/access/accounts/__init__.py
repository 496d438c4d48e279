"""People: accounts, passwords, how one becomes one of them."""
