import CPynomaly
import Detection

@_cdecl("pyn_version_string") @implementation
public func pyn_version_string() -> UnsafePointer<CChar>? { interned(PYN_VERSION_STRING) }

@_cdecl("pyn_version_number") @implementation
public func pyn_version_number() -> Int32 {
  PYN_VERSION_MAJOR * 1_000_000 + PYN_VERSION_MINOR * 1000 + PYN_VERSION_PATCH
}

@_cdecl("pyn_abi_version") @implementation
public func pyn_abi_version() -> Int32 { PYN_ABI_VERSION }

@_cdecl("pyn_kernels_name") @implementation
public func pyn_kernels_name() -> UnsafePointer<CChar>? { cString(KernelTable.chosen.name) }
