"""One module for each thing that is measured: `measure(plan) -> list[Row]`, and its docstring says how."""
