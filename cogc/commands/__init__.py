"""The commands of `cogc`, a file each: `arguments(parser)` declares the options, `run(options) -> exit code` works."""
