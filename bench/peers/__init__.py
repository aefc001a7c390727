"""What a user would pick instead: each peer as its own documentation has it, one short file each."""
