"""Full-body pose and action from foot pressure."""
