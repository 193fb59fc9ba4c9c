import CPynomaly
import Detection

@_cdecl("pyn_set_thread_limit") @implementation
public func pyn_set_thread_limit(_ limit: Int32) { ThreadLimit.setting = Int(limit) }

@_cdecl("pyn_get_thread_limit") @implementation
public func pyn_get_thread_limit() -> Int32 { Int32(clamping: ThreadLimit.setting) }
