"""Reports that show all that can be seen, and pictures of their pages, for people to look at."""
