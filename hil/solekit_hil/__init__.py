"""The virtual insole: the only place where firmware and SDK meet."""
