"""The documentation: a static site from the project's own text, `make docs`."""
