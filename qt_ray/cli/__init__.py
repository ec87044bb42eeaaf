"""CLI: `qt`, what a person at a shell can ask of the house. May import everything.

Standard output is data and standard error everything else; each end has its exit code, and a mistake is
one line. A command's module is loaded when that command is used, so that help costs nothing.
"""
