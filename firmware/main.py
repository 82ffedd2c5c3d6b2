"""Start the application that boot.py has put onto the path."""

import gc

import machine

gc.threshold(1024)  # what imports leave behind must not scatter the heap
try:
    from solefoot.boards.start import main

    main()
except Exception as error:
    if isinstance(error, (ImportError, ValueError)):  # no application, or a setting that cannot be
        print("solekit:", error)
    elif not is_trial:  # noqa: F821 # type: ignore - by boot.py, whose names these are
        raise  # to the console; the watchdog, if it runs already, starts anew
    else:
        print("solekit: the new application failed: %r" % error)
    if is_trial:  # noqa: F821 # type: ignore
        machine.reset()  # its tries are counted: the last good one comes back by itself
