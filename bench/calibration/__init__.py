"""How often the rules are right: healthy and sick training runs, and what the report says of them."""
