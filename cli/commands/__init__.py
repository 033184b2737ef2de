"""The commands of gindex, one module each: parse, one call of the library, print."""
