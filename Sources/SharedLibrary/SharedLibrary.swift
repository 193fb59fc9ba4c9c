// Nothing to compile here: this target exists so that the link settings of libpynomaly.so (own Swift
// runtime, SONAME, version script, nodelete) reach the shared library and no other product.
