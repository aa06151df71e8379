"""What a message is worth: task, human feedback, intrinsic and kindness rewards."""
