"""The language: definitions, expressions, the interpreter that runs them, the catalogue of them."""
