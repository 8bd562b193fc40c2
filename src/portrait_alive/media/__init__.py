"""Media in and out: stills, clips and sound in; one writer for every kind of output; marks that say what a file is."""
