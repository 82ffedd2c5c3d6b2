"""Start the application that boot.py has put onto the path."""

import gc

gc.threshold(1024)  # what imports leave behind must not scatter the heap
try:
    from solefoot.boards.start import main
except ImportError as error:
    print("solekit:", error)
else:
    try:
        main()
    except ValueError as error:  # a setting that cannot be: say it on the console
        print("solekit:", error)
