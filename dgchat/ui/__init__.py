"""Everything a person sees in the terminal; the only place that knows textual."""
