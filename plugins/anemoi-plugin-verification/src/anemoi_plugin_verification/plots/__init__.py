"""Pictures of the validations of a training, drawn by a process beside it."""
