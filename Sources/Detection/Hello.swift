import Kernels
public func hello2() -> Int { hello() }
