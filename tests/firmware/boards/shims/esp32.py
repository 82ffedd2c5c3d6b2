# MicroPython's esp32 for a board of this test.
WAKEUP_ANY_HIGH = True


def wake_on_ext0(pin, level):
    pass
