# ruff: noqa: PTH123
# What a board's interpreter does at power-on: boot.py, then main.py, with the folder of argv as
# its file system.
import gc
import sys

import vfs


class Disk:
    """A folder as a file system; VfsPosix with a root of its own cannot rename in 1.25."""

    def __init__(self, folder):
        self._folder = folder
        self._inside = vfs.VfsPosix(folder)
        self._outside = vfs.VfsPosix()

    def rename(self, old, new):
        self._outside.rename(self._folder + self._whole(old), self._folder + self._whole(new))

    def _whole(self, path):
        return path if path[0] == "/" else "/" + path

    def __getattr__(self, name):
        return getattr(self._inside, name)


folder, shims = sys.argv[1:3]
sys.path.clear()
sys.path.append("/shims")
sys.path.append("/")
vfs.umount("/")
vfs.mount(Disk(folder), "/")
vfs.mount(vfs.VfsPosix(shims), "/shims")
gc.collect()
names = {"__name__": "__main__"}
for name in ("/boot.py", "/main.py"):
    with open(name) as file:
        exec(file.read(), names)
