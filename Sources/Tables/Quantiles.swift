import CNumbers

/// The values at quantiles of numbers without NaN, each interpolated linearly between its two
/// neighbours (type 7 of Hyndman and Fan 1996, the default of NumPy and R). `shares` rise from 0 to 1.
/// Orders the numbers in part. NaN when there are none.
public func quantiles(
  _ shares: [Double], of values: UnsafeMutableBufferPointer<Double>
) -> [Double] {
  guard let base = values.baseAddress, !values.isEmpty else { return shares.map { _ in .nan } }
  // Everything before is in its place already.
  var done = 0
  return shares.map { share in
    let position = Double(values.count - 1) * min(1, max(0, share))
    let rank = Int(position)
    if rank >= done {
      cnumbers_select(base + done, values.count - done, rank - done)
      done = rank + 1
    }
    let rest = position - Double(rank)
    guard rest > 0, done < values.count else { return base[rank] }
    // The next greater value goes to the place behind.
    cnumbers_select(base + done, values.count - done, 0)
    let above = base[done]
    // Between two equal infinities the difference is NaN.
    return above == base[rank] ? above : base[rank] + (above - base[rank]) * rest
  }
}
