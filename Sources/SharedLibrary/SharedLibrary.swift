// Links libpynomaly.so. Tests and the command-line tool are linked without this target, so they do not
// get its link settings.

/// Stands in for the Swift runtime's own function (the linker's --wrap), which would bring 550 KB of
/// names of characters ("GREEK SMALL LETTER ALPHA") along: here no character has a name.
@_cdecl("__wrap__swift_stdlib_getScalarName")
func scalarName(_ scalar: UInt32, _ name: UnsafeMutablePointer<UInt8>?, _ capacity: Int) -> Int { 0 }
