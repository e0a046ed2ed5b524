"""`python -m pipeline` is `twoway`: for places where the script is not on the PATH."""

from pipeline.cli.main import main

main()
