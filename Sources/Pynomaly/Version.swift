import CPynomaly
@_cdecl("pyn_abi_version") @implementation
public func pyn_abi_version() -> Int32 { PYN_ABI_VERSION }
