"""What the exit codes of the command line mean."""

OK = 0
PROMPT_FAILED = 1
USAGE = 2
PROMPT_REFUSED = 3
CANNOT_START = 4
INTERRUPTED = 130
