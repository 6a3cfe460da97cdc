"""The groups of `ballast --help`, in the order in which a day goes."""

from cyclopts import Group

PREPARE = Group("Prepare", sort_key=1)
RUN = Group("Run", sort_key=2)
LOOK = Group("Look", sort_key=3)
DECIDE = Group("Decide", sort_key=4)
OPERATE = Group("Operate", sort_key=5)
TERMINAL = Group("This terminal", sort_key=6)
