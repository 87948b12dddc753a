"""What is stored, one module for each kind of object that the jobs share, and the rule of when to try again."""
