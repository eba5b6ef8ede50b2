"""Commands that are killed or interrupted at random moments: nothing is torn, nothing is lost."""
