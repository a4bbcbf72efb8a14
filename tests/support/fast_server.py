"""The relay of the package, as the quick target of tests and benchmarks: ``python -m tests.support.fast_server``."""

from loadgen.relay import main

if __name__ == "__main__":
    main()
