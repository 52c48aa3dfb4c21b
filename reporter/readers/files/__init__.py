"""What readers of several formats share: windows of files, members of zip archives, names without a structure."""
