"""`python -m active_cnn`: the command line."""

from active_cnn.cli import main

main()
