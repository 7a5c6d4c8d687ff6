"""A session whose order the board owns: the host applies what the board says it did."""
