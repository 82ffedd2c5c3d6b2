# A radio that nobody is in reach of.


class UUID:
    def __init__(self, value):
        self.value = value


class BLE:
    def active(self, on=None):
        return True

    def config(self, *names, **values):
        return None

    def irq(self, handler):
        pass

    def gatts_register_services(self, services):
        handles = []
        n = 10
        for _, characteristics in services:
            some = []
            for _ in characteristics:
                n += 1
                some.append(n)
            handles.append(tuple(some))
        return tuple(handles)

    def gatts_write(self, handle, data, send_update=False):
        pass

    def gatts_set_buffer(self, handle, room, append=False):
        pass

    def gap_advertise(self, interval_us, adv_data=None, resp_data=None):
        assert len(adv_data) <= 31
        assert len(resp_data) <= 31
