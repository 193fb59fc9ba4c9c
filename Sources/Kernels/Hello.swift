import CKernels
public func hello() -> Int { 1 }
