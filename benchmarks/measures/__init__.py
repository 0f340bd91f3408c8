"""One module per measure: `measure(resources) -> list[Row]`; the module's docstring describes the method."""
