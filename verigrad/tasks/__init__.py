"""Where problems come from, as pure functions: records, generators, templates, and the questions of a step."""
