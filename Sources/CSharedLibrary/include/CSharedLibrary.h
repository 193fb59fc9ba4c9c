/* Nothing to call: what takes the place of parts of the Swift runtime in libpynomaly.so. */
