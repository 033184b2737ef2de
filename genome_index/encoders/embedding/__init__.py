"""What `gindex embed` writes: vectors of genomes, of chunks, layers and tokens, and the tokens themselves."""
