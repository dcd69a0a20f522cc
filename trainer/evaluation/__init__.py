"""What a run or a version is worth, alone and against another."""
